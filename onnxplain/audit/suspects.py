"""Shortcut suspects: classes whose evidence lies where no object should decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.run import PICTURES
from onnxplain.audit.store import Store
from onnxplain.audit.summary import ClassSummary, evidence_map
from onnxplain.audit.zones import SIDE

# The region whose concentration is looked at: a quarter of each side, as the corners are.
_WINDOW = SIDE // 4
# Evidence in one fixed place of the border region: this many times its fair share, in at
# least this part of the class's pictures, in at least so many pictures.
_LIFT, _RECURS, _LEAST = 5.0, 0.6, 5
# With masks: this much of the evidence outside of the object, on average.
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
    box : tuple of float, optional
        Its left, top, right and bottom edge, as shares of the model's picture.
    recurs : float
        In which part of the class's pictures it is so.
    """

    index: int
    method: str
    kind: str
    strength: float
    where: str
    box: tuple[float, float, float, float] | None
    recurs: float


def find_suspects(store: Store, classes: list[ClassSummary]) -> list[Suspect]:
    """Classes whose evidence recurs in one place of the border, or lies off the object.

    Parameters
    ----------
    store : Store
        The results.
    classes : list of ClassSummary
        See `summarise_classes`.

    Returns
    -------
    list of Suspect
        The strongest first.
    """
    suspects = []
    for summary in classes:
        if summary.count < _LEAST:
            continue
        row, column, part = _densest(summary.mean_map)
        lift = part / (_WINDOW / SIDE) ** 2
        if lift >= _LIFT and _at_border(row, column):
            recurs = _recurs(store, summary, (row, column))
            if recurs >= _RECURS:
                box = (column, row, column + _WINDOW, row + _WINDOW)
                suspects.append(
                    Suspect(
                        summary.index,
                        summary.method,
                        "fixed place",
                        lift,
                        _in_words(row, column),
                        tuple(v / SIDE for v in box),  # type: ignore[arg-type]
                        recurs,
                    )
                )
        suspects.extend(_outside(store, summary))
    return sorted(suspects, key=lambda s: -s.strength)


def suspect_dict(suspect: Suspect) -> dict[str, Any]:
    """Plain data of a suspect."""
    return {**asdict(suspect), "box": list(suspect.box) if suspect.box else None}


def _pictures(store: Store, summary: ClassSummary) -> Iterator[tuple[int, dict[str, Any]]]:
    """Pictures for which the class was explained by the method."""
    for number, value in store.results(PICTURES):
        if summary.method in value.get("methods", {}) and value["explained"] == summary.index:
            yield number, value


def _outside(store: Store, summary: ClassSummary) -> list[Suspect]:
    """Compare the evidence off the object with what a map without knowledge would have."""
    parts, fair = [], []
    for _, value in _pictures(store, summary):
        if value["has_mask"]:
            parts.append(1 - value["methods"][summary.method]["evidence"]["mask"])
            fair.append(1 - value["mask_area"])
    if len(parts) < _LEAST or np.mean(parts) < max(_OUTSIDE, float(np.mean(fair))):
        return []
    recurs = float(np.mean(np.array(parts) >= np.array(fair)))
    strength = float(np.mean(parts) / np.mean(fair))
    kind = "outside the mask"
    return [Suspect(summary.index, summary.method, kind, strength, "off the object", None, recurs)]


def _recurs(store: Store, summary: ClassSummary, place: tuple[int, int]) -> float:
    """In which part of the class's pictures that window holds far more than its share."""
    row, column = place
    fair = (_WINDOW / SIDE) ** 2
    hits = []
    for number, _ in _pictures(store, summary):
        share = evidence_map(store, number, summary.method)
        hits.append(share[row : row + _WINDOW, column : column + _WINDOW].sum() >= 3 * fair)
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
