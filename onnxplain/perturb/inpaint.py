"""Fill a window from the pixels around it: the smoothest surface that meets its border."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import scipy

Array = NDArray[Any]
# Above, below, left, right: whether the picture goes on there.
Sides = tuple[bool, bool, bool, bool]


class Inpainting:
    """Harmonic inpainting of windows of one picture.

    Inside of a window every pixel is the mean of its neighbours (the discrete Laplace
    equation), with the pixels around the window given, and nothing beyond the picture's
    border: Chan, Shen 2001, SIAM J. Appl. Math. 62(3), section 3, for noise-free pictures.

    Parameters
    ----------
    picture : (C, H, W) or (H, W, C) array
        One input.
    spatial : (int, int)
        Its axes of height and width.
    """

    def __init__(self, picture: Array, spatial: tuple[int, int]) -> None:
        self._picture = np.moveaxis(picture, spatial, (0, 1)).astype(np.float64)
        self._dtype, self._spatial = picture.dtype, spatial
        self._solvers: dict[tuple[int, int, Sides], Callable[[Array], Array]] = {}

    def window(self, window: Sequence[int]) -> Array:
        """Content of a window (top, bottom, left, right), with the channels where they were.

        A window that is the whole picture gets the mean colour.
        """
        top, bottom, left, right = (int(v) for v in window)
        picture = self._picture
        height, width = picture.shape[:2]
        sides = (top > 0, bottom < height, left > 0, right < width)
        shape = (bottom - top, right - left, *picture.shape[2:])
        if any(sides):
            given = np.zeros(shape)
            if sides[0]:
                given[0] += picture[top - 1, left:right]
            if sides[1]:
                given[-1] += picture[bottom, left:right]
            if sides[2]:
                given[:, 0] += picture[top:bottom, left - 1]
            if sides[3]:
                given[:, -1] += picture[top:bottom, right]
            filled = self._solver(shape[0], shape[1], sides)(given.reshape(shape[0] * shape[1], -1))
        else:
            filled = np.broadcast_to(picture.mean(axis=(0, 1)), shape)
        return np.moveaxis(filled.reshape(shape), (0, 1), self._spatial).astype(self._dtype)

    def _solver(self, height: int, width: int, sides: Sides) -> Callable[[Array], Array]:
        key = (height, width, sides)
        if key not in self._solvers:
            down = _second_difference(height, sides[0], sides[1])
            across = _second_difference(width, sides[2], sides[3])
            import scipy
            from scipy.sparse import linalg

            laplace = scipy.sparse.kronsum(across, down, format="csc")
            self._solvers[key] = linalg.factorized(laplace)
        solve = self._solvers[key]
        return lambda given: np.stack([solve(c) for c in given.T], axis=1)


def _second_difference(length: int, before: bool, after: bool) -> scipy.sparse.dia_matrix:
    """Return minus the second difference; beyond an end, a value is given or there is none."""
    import scipy

    diagonal = np.full(length, 2.0)
    diagonal[0] -= not before
    diagonal[-1] -= not after
    off = -np.ones(length - 1)
    return scipy.sparse.diags_array([off, diagonal, off], offsets=[-1, 0, 1])
