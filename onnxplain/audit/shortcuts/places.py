"""Places at the border where the evidence for one class recurs, and that for others does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.store import Results
from onnxplain.audit.summary import ClassSummary, evidence_map
from onnxplain.audit.zones import SIDE

Box = tuple[float, float, float, float]

# The region whose concentration is looked at: a quarter of each side, as the corners are.
WINDOW = SIDE // 4
_FAIR = (WINDOW / SIDE) ** 2
# A picture has its evidence there if the place holds this many times its fair share.
_HIT = 3.0
# What is tried (see `onnxplain.audit.shortcuts.transplant`): places that hold so many times
# their fair share more than those of the other classes, in this part of the pictures. A place
# in fewer pictures cannot be a suspect, however much it does.
_LIFT, _RECURS, _HITS = 2.0, 0.25, 3
# Classes with fewer pictures are not judged.
LEAST = 5


@dataclass(frozen=True)
class Place:
    """A window that holds more of one class's evidence than of others', or the same content.

    Attributes
    ----------
    index : int
        The class.
    method : str
        By which method.
    row, column : int
        Top left cell of the window on the `SIDE` x `SIDE` grid.
    lift : float
        How many times its fair share of the evidence the window holds, on average.
    recurs : float
        In which part of the class's pictures it holds three times its share, or the content.
    hits : list of int
        Those pictures.
    """

    index: int
    method: str
    row: int
    column: int
    lift: float
    recurs: float
    hits: list[int]

    @classmethod
    def of(cls, summary: ClassSummary, row: int, column: int, hits: list[int], of: int) -> Place:
        """Place of a class that some of its pictures have something in, of so many."""
        assert summary.index is not None
        lift = float(_windows(summary.mean_map)[row, column]) / _FAIR
        return cls(summary.index, summary.method, row, column, lift, len(hits) / of, hits)

    @property
    def box(self) -> Box:
        """Left, top, right and bottom edge, as shares of the model's picture."""
        left, top, side = self.column / SIDE, self.row / SIDE, WINDOW / SIDE
        return (left, top, left + side, top + side)

    @property
    def where(self) -> str:
        """The place in words."""
        edge, last = SIDE // 8, SIDE - WINDOW
        down = "top" if self.row <= edge else "bottom" if self.row >= last - edge else ""
        across = "left" if self.column <= edge else "right" if self.column >= last - edge else ""
        if not (down or across):
            return "inside"
        return f"{down} {across}".strip() + (" corner" if down and across else " edge")


def find_places(results: Results, classes: Sequence[ClassSummary]) -> list[Place]:
    """Look for the place of each class and method that the other classes have least of.

    The other classes' maps are subtracted, since all objects of a data set may have much of
    their evidence in the same place.

    Parameters
    ----------
    results : Results
        The results.
    classes : sequence of ClassSummary
        See `onnxplain.audit.summary.summarise_classes`.

    Returns
    -------
    list of Place
        At most one for each class and method, in their order.
    """
    found = []
    for summary in classes:
        others = _others(summary, classes)
        if len(summary.numbers) < LEAST or others is None or summary.index is None:
            continue
        row, column, more = _densest(summary.mean_map - others)
        if more / _FAIR < _LIFT:
            continue
        held = {n: _held(results, n, summary.method, row, column) for n in summary.numbers}
        hits = [n for n, share in held.items() if share >= _HIT * _FAIR]
        recurs = len(hits) / len(held)
        if len(hits) >= _HITS and recurs >= _RECURS:
            found.append(Place.of(summary, row, column, hits, len(held)))
    return found


def _others(summary: ClassSummary, classes: Sequence[ClassSummary]) -> NDArray[np.float64] | None:
    """Mean map of all pictures of other classes by the same method; ``None`` without any."""
    others = [c for c in classes if c.method == summary.method and c.index != summary.index]
    counts = [len(c.numbers) for c in others]
    return np.average([c.mean_map for c in others], axis=0, weights=counts) if others else None


def _windows(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over each window of a map, by its top row and left column."""
    views = np.lib.stride_tricks.sliding_window_view(share, (WINDOW, WINDOW))
    return np.asarray(views.sum(axis=(2, 3)))


def _densest(share: NDArray[np.float64]) -> tuple[int, int, float]:
    """Window touching the outer eighth that holds most: top row, left column, and its sum."""
    held = _windows(share)
    starts = np.arange(len(held))
    outer = (starts <= SIDE // 8) | (starts >= len(held) - 1 - SIDE // 8)
    held = np.where(outer[:, None] | outer, held, -np.inf)
    row, column = np.unravel_index(held.argmax(), held.shape)
    return int(row), int(column), float(held[row, column])


def _held(results: Results, number: int, method: str, row: int, column: int) -> float:
    share = evidence_map(results, number, method)
    return float(share[row : row + WINDOW, column : column + WINDOW].sum())
