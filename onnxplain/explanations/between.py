"""Values between the places of a grid, by NumPy alone.

``scipy.ndimage`` and ``scipy.interpolate`` do this too, but a command that draws one map would
wait for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows of a picture that are mixed at a time.
_ROWS = 32


def between(values: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
    """Read a grid bilinearly; beyond its outermost places it goes on as they are.

    Parameters
    ----------
    values : (h, w) array
        The grid.
    rows, columns : arrays of numbers
        Places in it, fractions included, counted from the middle of the first value. They are
        broadcast against each other: (H, 1) and (1, W) ask for a picture.

    Returns
    -------
    float64 array
        In the shape of the places.
    """
    known = np.asarray(values, np.float64)
    above, below, down = _beside(rows, known.shape[0])
    left, right, across = _beside(columns, known.shape[1])
    if above.ndim == left.ndim == 2 and above.shape[1] == left.shape[0] == 1:
        # Of a picture, each row of the grid is read once, not for each row of the picture.
        wide = known[:, left[0]] * (1.0 - across) + known[:, right[0]] * across
        return _rows_between(wide, above[:, 0], below[:, 0], down)
    upper = known[above, left] * (1.0 - across) + known[above, right] * across
    lower = known[below, left] * (1.0 - across) + known[below, right] * across
    found: NDArray[np.float64] = upper * (1.0 - down) + lower * down
    return found


def _rows_between(
    rows: NDArray[np.float64],
    above: NDArray[np.intp],
    below: NDArray[np.intp],
    down: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mix pairs of rows; a few at a time, so that they stay in a processor's cache."""
    found = np.empty((len(above), rows.shape[1]))
    for first in range(0, len(above), _ROWS):
        some = slice(first, first + _ROWS)
        upper = rows.take(above[some], axis=0, out=found[some], mode="clip")
        lower = rows.take(below[some], axis=0)
        upper *= 1.0 - down[some]
        lower *= down[some]
        upper += lower
    return found


def _beside(
    at: NDArray[Any], length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """The two places beside each number, and how far it is from the first to the second."""
    inside = np.clip(np.asarray(at, np.float64), 0.0, length - 1.0)
    before = np.floor(inside).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), inside - before
