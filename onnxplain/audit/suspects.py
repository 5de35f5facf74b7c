"""Shortcut suspects: classes whose evidence lies where no object should decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.store import Store
from onnxplain.audit.summary import ClassSummary, evidence_map
from onnxplain.audit.zones import SIDE

Box = tuple[float, float, float, float]

# The region whose concentration is looked at: a quarter of each side, as the corners are.
_WINDOW = SIDE // 4
_FAIR = (_WINDOW / SIDE) ** 2
# Evidence in one fixed place of the border region: this many times its fair share, in at
# least this part of the class's pictures, in at least so many pictures.
_LIFT, _RECURS, LEAST = 6.0, 0.8, 5
# A picture counts as such if the place holds this many times its fair share.
_HIT = 3.0
# With masks: this much of the evidence outside of the object, on average, and more than an
# even map would have in at least that part of the pictures. Tuned on other networks than
# those measured, see docs/decisions/019-audit.md.
_OUTSIDE = 0.7


@dataclass(frozen=True)
class Suspect:
    """A class whose evidence may be a shortcut.

    Attributes
    ----------
    index : int
        The class.
    method : str
        By which method.
    kind : {"fixed place", "outside the mask"}
        What is suspicious.
    strength : float
        How many times its fair share the place holds, or the share outside of the mask
        over what a map without knowledge would have.
    where : str
        The place, in words.
    recurs : float
        In which part of the pictures it is so.
    numbers : list of int
        Pictures of the class.
    box : tuple of float, optional
        The place's left, top, right and bottom edge, as shares of the model's picture.
    """

    index: int
    method: str
    kind: str
    strength: float
    where: str
    recurs: float
    numbers: list[int]
    box: Box | None = None


def find_suspects(store: Store, classes: Sequence[ClassSummary]) -> list[Suspect]:
    """Classes whose evidence recurs in one place of the border, or lies off the object.

    Clusters are not looked at: that the maps of a cluster have their evidence in one place
    is what made them one. A shortcut that few pictures of a class have is for a person to
    see there.

    Parameters
    ----------
    store : Store
        The results.
    classes : sequence of ClassSummary
        See `onnxplain.audit.summary.summarise_classes`.

    Returns
    -------
    list of Suspect
        The strongest first.
    """
    suspects = []
    for summary in classes:
        suspects.extend(_fixed_place(store, summary))
        suspects.extend(_outside(summary))
    return sorted(suspects, key=lambda s: (-s.strength, s.index, s.method))


def _fixed_place(store: Store, summary: ClassSummary) -> list[Suspect]:
    """One window at the border that holds far more than its share, in most pictures."""
    row, column, part = _densest(summary.mean_map)
    lift = part / _FAIR
    if len(summary.numbers) < LEAST or lift < _LIFT or not _at_border(row, column):
        return []
    recurs = _recurs(store, summary, (row, column))
    if recurs < _RECURS:
        return []
    left, top, side = column / SIDE, row / SIDE, _WINDOW / SIDE
    return [
        Suspect(
            summary.index,
            summary.method,
            "fixed place",
            lift,
            _in_words(row, column),
            recurs,
            summary.numbers,
            (left, top, left + side, top + side),
        )
    ]


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
            "outside the mask",
            float(parts.mean() / fair.mean()),
            "off the object",
            recurs,
            summary.numbers,
        )
    ]


def _recurs(store: Store, summary: ClassSummary, place: tuple[int, int]) -> float:
    """In which part of the class's pictures that window holds far more than its share."""
    row, column = place
    hits = []
    for number in summary.numbers:
        share = evidence_map(store, number, summary.method)
        held = share[row : row + _WINDOW, column : column + _WINDOW].sum()
        hits.append(held >= _HIT * _FAIR)
    return float(np.mean(hits))


def _densest(share: NDArray[np.float64]) -> tuple[int, int, float]:
    """Window that holds most: its top row, its left column, and what it holds."""
    windows = np.lib.stride_tricks.sliding_window_view(share, (_WINDOW, _WINDOW))
    held = windows.sum(axis=(2, 3))
    row, column = np.unravel_index(held.argmax(), held.shape)
    return int(row), int(column), float(held[row, column])


def _at_border(row: int, column: int) -> bool:
    """Whether a window touches the outer eighth of the picture."""
    edge, last = SIDE // 8, SIDE - _WINDOW
    return min(row, column) <= edge or max(row, column) >= last - edge


def _in_words(row: int, column: int) -> str:
    edge, last = SIDE // 8, SIDE - _WINDOW
    down = "top" if row <= edge else "bottom" if row >= last - edge else ""
    across = "left" if column <= edge else "right" if column >= last - edge else ""
    return f"{down} {across}".strip() + (" corner" if down and across else " edge")
