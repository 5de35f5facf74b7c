"""Masks over a picture, and pictures under masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.products import product
from onnxplain.network.context import Context

# Bytes of pictures under masks that stay in a core's cache.
_CACHE = 1 << 19


def under_masks(
    context: Context, x: NDArray[Any], absent: NDArray[Any], masks: NDArray[Any]
) -> NDArray[Any]:
    """One input under each mask: absent + m (x - absent), in the input's own type.

    Parameters
    ----------
    context : Context
        Knows where height and width are.
    x, absent : (C, H, W) or (H, W, C) array
        One input, and what stands where the mask is 0.
    masks : (M, H, W) array
        1 = kept; values between are mixtures.

    Returns
    -------
    (M, ...) array
        Inputs of the type of `x`; whole-number types are rounded.
    """
    whole = x.dtype.kind in "iu"
    exact = np.float64 if whole else x.dtype
    kept = np.expand_dims(masks.astype(exact, copy=False), context.channel_axis)
    change, rest = x.astype(exact) - absent.astype(exact), absent.astype(exact, copy=False)
    mixed = np.empty((len(masks), *x.shape), exact)
    step = max(1, _CACHE // max(change.nbytes, 1))
    for start in range(0, len(mixed), step):
        some = mixed[start : start + step]
        np.multiply(kept[start : start + step], change, out=some)
        some += rest
    return np.rint(mixed).astype(x.dtype) if whole else mixed


class RiseMasks:
    """Random masks of RISE: a coarse grid of zeros and ones, enlarged and shifted.

    The grid of cells is enlarged bilinearly to one cell more than the picture in each
    direction, and cut at a random offset within a cell, as in the authors' code
    (``explanations.py`` of eclique/RISE, where scikit-image's ``resize`` reflects at the
    border).

    Parameters
    ----------
    size : (int, int)
        Height and width of the picture.
    cells : int
        Cells of the grid in each direction.
    share : float
        Probability that a cell is kept.
    """

    def __init__(self, size: tuple[int, int], cells: int, share: float) -> None:
        self._size, self._cells, self._share = size, cells, share
        self._steps = [-(-length // cells) for length in size]
        self._enlarge = [_enlarging(cells, (cells + 1) * step) for step in self._steps]

    def draw(self, random: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Random numbers for `count` masks: cells, then the two offsets, in each row."""
        return random.random((count, self._cells**2 + 2))

    def masks(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """(M, H, W) masks from rows of `draw`."""
        grids = rows[:, :-2].reshape(-1, self._cells, self._cells) < self._share
        offsets = (rows[:, -2:] * self._steps).astype(np.int64)
        made = np.empty((len(rows), *self._size), np.float32)
        for mask, grid, (top, left) in zip(made, grids, offsets, strict=True):
            vertical = self._enlarge[0][top : top + self._size[0]]
            horizontal = self._enlarge[1][left : left + self._size[1]]
            product(vertical @ grid.astype(np.float32), horizontal.T, out=mask)
        return made


def enlarged(maps: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (M, h, w) maps bilinearly; see `onnxplain.explanations.display.upsample`."""
    rows, columns = (
        _hats(np.clip(_centres(old, new), 0, old - 1), old)
        for old, new in zip(maps.shape[-2:], size, strict=True)
    )
    made = np.empty((len(maps), *size), np.float32)
    for large, small in zip(made, maps.astype(np.float32), strict=True):
        product(rows @ small, columns.T, out=large)
    return made


def _enlarging(cells: int, length: int) -> NDArray[np.float32]:
    """(length, cells) matrix of bilinear interpolation, mirrored at the outer cell centres."""
    places = np.abs(_centres(cells, length))
    return _hats(np.clip((cells - 1) - np.abs((cells - 1) - places), 0, cells - 1), cells)


def _centres(old: int, new: int) -> NDArray[np.float64]:
    """Centres of `new` pixels in units of `old` pixels' centres."""
    return (np.arange(new) + 0.5) * old / new - 0.5


def _hats(places: NDArray[np.float64], cells: int) -> NDArray[np.float32]:
    """(places, cells) weights of linear interpolation."""
    return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(cells))).astype(np.float32)
