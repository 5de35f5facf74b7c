"""Windows that lie inside of a picture, and maps made of one number for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
_PART = 256


def windows_inside(picture: Size, window: Size, stride: Size) -> NDArray[np.int64]:
    """(P, 4) windows as top, bottom, left, right; the last of a row or column is moved inside."""
    tops, lefts = (
        np.unique(np.append(np.arange(0, length - size + 1, step), length - size))
        for length, size, step in zip(picture, window, stride, strict=True)
    )
    top, left = (g.ravel() for g in np.meshgrid(tops, lefts, indexing="ij"))
    return np.stack([top, top + window[0], left, left + window[1]], axis=1)


def scattered(count: int, seed: int, part: int = _PART) -> list[NDArray[np.int64]]:
    """Numbers of windows in parts, each of them spread at random over the picture.

    Where time ends the work within a part, all of the picture has been looked at.
    """
    order = np.random.default_rng(seed).permutation(count)
    return np.array_split(order, -(-count // part))


def mean_over_windows(
    values: NDArray[np.float64], errors: NDArray[np.float64], windows: NDArray[np.int64], size: Size
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Mean over the windows that cover each pixel.

    Parameters
    ----------
    values, errors : (P,) array
        One number for each window, with its standard error; NaN for windows that were not
        computed.
    windows : (P, 4) array
        See `windows_inside`.
    size : (int, int)
        Height and width of the picture.

    Returns
    -------
    values, errors : (H, W) array
        0 and NaN where no window was computed.
    covered : float
        Share of the pixels that a computed window covers.
    """
    total, squares, count = np.zeros(size), np.zeros(size), np.zeros(size)
    for k in np.flatnonzero(~np.isnan(values)):
        top, bottom, left, right = windows[k]
        place = slice(top, bottom), slice(left, right)
        total[place] += values[k]
        squares[place] += errors[k] ** 2
        count[place] += 1
    some = np.maximum(count, 1)
    spread = np.where(count > 0, np.sqrt(squares) / some, np.nan)
    return total / some, spread, float((count > 0).mean())
