"""Where a map has its evidence, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.connected import blurred, connected_parts

# Blur before anything is called a place, as a share of the shorter side: single pixels of a
# gradient are none. On flowers whose deciding part is known, half of the maximum of a map that
# was blurred so marks about as much of the picture as the part itself.
_BLUR = 1 / 32
_LEVEL = 0.5
# A place is spread if it reaches over so much of both sides of the picture, or covers so much.
_REACH, _COVER = 0.75, 0.4
# So many places are named one by one; more of them are taken together.
_PLACES = 3
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True)
class Place:
    """Where the evidence is.

    Attributes
    ----------
    words : str
        With its preposition, for example ``"in the upper left"``.
    area : float
        Share of the picture in which the blurred map is at least half of its maximum.
    """

    words: str
    area: float


def place_of(heatmap: NDArray[Any]) -> Place | None:
    """Find where the positive part of a map is; ``None`` if it has none.

    Parameters
    ----------
    heatmap : (H, W) array
        What a picture shows, in pixels of the model's input.
    """
    shown = np.maximum(np.asarray(heatmap, np.float64), 0.0)
    sigma = _BLUR * min(shown.shape)
    # Between neighbours that are half of the blur apart, there is nothing more to see.
    soft = blurred(shown, sigma, max(1, int(sigma / 2)))
    top = float(soft.max(initial=0.0))
    if not top > 0:
        return None
    inside = soft >= _LEVEL * top
    area = float(inside.mean())
    parts, count = connected_parts(inside)
    weights = np.bincount(parts.ravel(), weights=soft.ravel())[1:]
    largest = parts == 1 + int(np.argmax(weights))
    reaching = inside if count > _PLACES else largest
    if area >= _COVER or _reach(reaching) >= _REACH:
        return Place("spread widely", area)
    words = _words(soft * largest)
    return Place(words if count == 1 else f"{words} and in {_others(count)}", area)


def _reach(inside: NDArray[np.bool_]) -> float:
    """How far a region reaches, as a share of the side of the picture where it does so less."""
    return min(
        float(np.ptp(at)) / max(length - 1, 1)
        for at, length in zip(np.nonzero(inside), inside.shape, strict=True)
    )


def _words(part: NDArray[np.float64]) -> str:
    total = part.sum()
    centre = [
        float(part.sum(axis=1 - axis) @ np.arange(part.shape[axis]) / total) for axis in (0, 1)
    ]
    row, column = (
        min(int(3 * (at + 0.5) / length), 2) for at, length in zip(centre, part.shape, strict=True)
    )
    if (row, column) == (1, 1):
        return "in the centre"
    if column == 1:
        return f"in the {_ROWS[row]} middle"
    return f"on the {_COLUMNS[column]}" if row == 1 else f"in the {_ROWS[row]} {_COLUMNS[column]}"


def _others(count: int) -> str:
    return "one other place" if count == 2 else "other places"
