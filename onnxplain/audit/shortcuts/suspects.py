"""Shortcut suspects: classes whose evidence lies where no object should decide."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnxplain.audit.records.summaries import (
    BESIDE,
    COVERING,
    FIXED_PLACE,
    OUTSIDE_THE_MASK,
)
from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.audit.shortcuts.transplant import Transplant
from onnxplain.audit.store import Results
from onnxplain.audit.summary import ClassSummary, done, in_order

# With masks: this much of the evidence outside of the object, on average, and more than an
# even map would have in at least that part of the pictures.
_OUTSIDE, _RECURS = 0.7, 0.8
# Boxes of a detector: in this part of a class's hits, covering a place beside the box takes so
# much of its score. Of the shipped detectors those that know an object by itself lose half in one
# hit of twenty, the one that does not in all.
_LOST, _LOSERS = 0.5, 0.5
# The others were tuned on other networks than those measured: docs/decisions/019-audit.md and
# docs/decisions/021-shortcuts.md.


@dataclass(frozen=True)
class Suspect:
    """A class whose evidence may be a shortcut.

    Attributes
    ----------
    index : int or None
        The class or value; ``None`` if the target has none.
    method : str
        By which method.
    kind : {"fixed place", "outside the mask", "beside the object"}
        What is suspicious.
    strength : float
        How many times its fair share the place holds, or the share outside of the mask
        over what a map without knowledge would have; of what lies beside an object the mean
        share of the score that covering it takes.
    where : str
        The place, in words.
    recurs : float
        In which part of the pictures it is so.
    numbers : list of int
        Pictures of the class.
    transplant : Transplant, optional
        The place, and what it does in pictures of other classes.
    """

    index: int | None
    method: str
    kind: str
    strength: float
    where: str
    recurs: float
    numbers: list[int]
    transplant: Transplant | None = None


def find_suspects(results: Results, classes: Sequence[ClassSummary]) -> list[Suspect]:
    """Classes that content of a fixed place decides for, or whose evidence lies off the object.

    Clusters are not looked at: that the maps of a cluster have their evidence in one place
    is what made them one.

    Parameters
    ----------
    results : Results
        With the transplants that were made of them.
    classes : sequence of ClassSummary
        See `onnxplain.audit.summary.summarise_classes`.

    Returns
    -------
    list of Suspect
        Places first, since they were tried; of each kind the strongest first.
    """
    numbers = {(c.index, c.method): c.numbers for c in classes}
    suspects = [suspect for summary in classes for suspect in _outside(summary)]
    suspects += _beside(results)
    for found in map(Transplant.from_dict, results.transplants()):
        place = found.place
        if found.decides:
            suspects.append(
                Suspect(
                    place.index,
                    place.method,
                    FIXED_PLACE,
                    place.lift,
                    place.where,
                    place.recurs,
                    numbers[place.index, place.method],
                    found,
                )
            )
    return sorted(suspects, key=_rank)


def _rank(suspect: Suspect) -> tuple[bool, float, tuple[int, str]]:
    key = (suspect.index, suspect.method)
    return suspect.transplant is None, -suspect.strength, in_order(key)


def _outside(summary: ClassSummary) -> list[Suspect]:
    """Compare the evidence off the object with what a map without knowledge would have."""
    if len(summary.off_object) < LEAST:
        return []
    parts, fair = np.array(summary.off_object).T
    recurs = float((parts >= fair).mean())
    if parts.mean() < max(_OUTSIDE, float(fair.mean())) or recurs < _RECURS:
        return []
    return [
        Suspect(
            summary.index,
            summary.method,
            OUTSIDE_THE_MASK,
            float(parts.mean() / fair.mean()),
            "off the object",
            recurs,
            summary.numbers,
        )
    ]


def _beside(results: Results) -> list[Suspect]:
    """Classes of a detector whose boxes are lost when what lies beside them is covered."""
    lost: dict[int, list[tuple[int, str, float]]] = defaultdict(list)
    for picture in done(results):
        for box in picture.boxes or ():
            if box.beside:
                share, place = max((share, name) for name, share in box.beside.items())
                lost[box.index].append((picture.number, place, share))
    found = []
    for index, hits in sorted(lost.items()):
        losers = [hit for hit in hits if hit[2] >= _LOST]
        recurs = len(losers) / len(hits)
        if len(hits) >= LEAST and recurs >= _LOSERS:
            often = [name for name, _ in Counter(place for _, place, _ in losers).most_common(2)]
            mean = float(np.mean([share for _, _, share in hits]))
            # Those to look at first.
            numbers = list(dict.fromkeys(number for number, _, _ in [*losers, *hits]))
            found.append(
                Suspect(index, COVERING, BESIDE, mean, " or ".join(often), recurs, numbers)
            )
    return found
