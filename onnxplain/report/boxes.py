"""Boxes of a detector in a report: missed objects and wrong boxes, each with its map."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from onnxplain.audit.records.boxes import BoxEntry, map_of
from onnxplain.audit.records.pictures import Done, Picture
from onnxplain.audit.records.record import Head
from onnxplain.audit.records.summaries import BESIDE
from onnxplain.audit.shortcuts.places import LEAST
from onnxplain.methods import registered
from onnxplain.render.embedded import layer_uri
from onnxplain.report.examples import Maps, photo_of
from onnxplain.report.verdict import trusted_first

_SUSPECT = 6
KINDS = (("miss", "Missed objects"), ("false positive", "False positives"))


@dataclass(frozen=True)
class BoxExample:
    """One box of one picture.

    Attributes
    ----------
    name : str
        Of the picture.
    box : BoxEntry
        What the record says of it.
    method, layer : str
        The method, and the data URI of its map; empty if there is none.
    photo, missing : str
        Data URI of what the model saw, or why there is none.
    others : sequence of BoxEntry
        The other boxes of the picture.
    """

    name: str
    box: BoxEntry
    method: str
    layer: str
    photo: str
    missing: str
    others: Sequence[BoxEntry]


def box_examples(
    record: Head,
    pictures: Callable[[], Iterable[Picture]],
    files: Mapping[str, Path],
    maps: Maps,
) -> dict[str, list[BoxExample]]:
    """Choose explained boxes: misses and false positives, the largest scores first.

    Also hits of classes that what lies beside them is suspected to decide for.

    Parameters
    ----------
    record, pictures, files, maps
        See `onnxplain.report.content.content`.

    Returns
    -------
    dict of str to list of BoxExample
        By verdict, and by `suspect_key`.
    """
    if record.boxes is None:
        return {}
    most, found = record.questions.examples, {}
    for verdict, _ in KINDS:
        chosen = _first(most, pictures(), partial(_wrong, verdict), _score)
        found[verdict] = [_example(*one, record, files, maps) for one in chosen]
    for index in (s.index for s in record.suspects if s.kind == BESIDE and s.index is not None):
        chosen = _first(_SUSPECT, pictures(), partial(_tried, index), _lost)
        found[suspect_key(index)] = [_example(*one, record, files, maps) for one in chosen]
    return found


def _wrong(verdict: str, box: BoxEntry) -> bool:
    return box.verdict == verdict and box.match is not None


def _tried(index: int, box: BoxEntry) -> bool:
    return box.index == index and bool(box.beside)


def _score(box: BoxEntry) -> float:
    return float((box.match or 0.0) if box.score is None else box.score)


def _lost(box: BoxEntry) -> float:
    return max((box.beside or {}).values())


def suspect_key(index: int | None) -> str:
    """Under which key the hits of a suspected class stand."""
    return f"suspect {index}"


def _first(
    most: int,
    pictures: Iterable[Picture],
    wanted: Callable[[BoxEntry], bool],
    size: Callable[[BoxEntry], float],
) -> list[tuple[Done, int]]:
    """Return the boxes that are wanted, the largest first; memory does not grow with the set."""
    entries = (
        (-size(b), p.number, k, p)
        for p in pictures
        if isinstance(p, Done)
        for k, b in enumerate(p.boxes or ())
        if wanted(b)
    )
    chosen = heapq.nsmallest(most, entries, key=lambda entry: entry[:3])
    return [(picture, k) for _, _, k, picture in chosen]


def judged_classes(pictures: Iterable[Picture]) -> int:
    """How many classes have enough hits to be suspected of being found by what is beside them."""
    tried = Counter(
        b.index for p in pictures if isinstance(p, Done) for b in p.boxes or () if b.beside
    )
    return sum(count >= LEAST for count in tried.values())


def words(box: BoxEntry, name: Callable[[int | None], str]) -> str:
    """Say what is wrong with a box, why an object was missed, or what covering takes of a hit."""
    if box.verdict == "hit" and box.beside:
        share, place = max((share, place) for place, share in box.beside.items())
        return f"covering the place {place} lowers its score by {100 * share:.0f} %"
    near = f"overlap {box.overlap:.2f}"
    if box.verdict == "miss":
        return {
            "other class": f"taken for {name(box.other)}",
            "place": f"a box of its class is near it, but not on it ({near})",
            "nothing": "no box is on it or near it",
        }.get(box.cause, "")
    return {
        "other class": f"in truth {name(box.other)}",
        "second box": "a second box of one object",
        "place": f"near an object of its class, but not on it ({near})",
        "nothing": "no object of its class is annotated there",
    }.get(box.cause, "")


def _example(
    picture: Done,
    number: int,
    record: Head,
    files: Mapping[str, Path],
    maps: Maps,
) -> BoxExample:
    assert picture.boxes is not None
    method = trusted_first(record)[0]
    photo, missing = photo_of(picture, files, record.preprocess.recipe)
    values, layer = maps(picture.number, map_of(method, number)), ""
    if values is not None:
        side = int(np.sqrt(values.size))
        cards = registered()
        display = cards[method].display if method in cards else "signed"
        layer = layer_uri(values.reshape(side, side), display)
    others = [b for k, b in enumerate(picture.boxes) if k != number]
    return BoxExample(picture.name, picture.boxes[number], method, layer, photo, missing, others)
