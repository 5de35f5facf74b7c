"""Draw what could stand in a window of a picture instead."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.perturb.background import Background, Size

# Added to every variance, as a share of the mean one: natural patches are almost flat.
_RIDGE = 1e-6
_SMALLEST = 1e-12
Array = NDArray[np.float64]


class WindowSampler:
    """Random contents of windows, given a background.

    Parameters
    ----------
    background : Background
        Marginal: the same place in another picture (any place, if there is one picture
        only). Gaussian: given the pixels around the window (Zintgraf, Cohen, Adel, Welling
        2017, arXiv:1702.04595, section 3.1), cut off at the smallest and largest values.
        At the border of the picture the patch is moved inside.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        # One for each place of a window in its patch: nine, if the padding fits everywhere.
        self._conditional = lru_cache(maxsize=None)(self._prepare)

    def draw(self, random: np.random.Generator, picture: NDArray[Any], place: Size) -> Array:
        """One content for the window whose upper left corner is at `place`.

        Parameters
        ----------
        random : numpy.random.Generator
            Source of randomness.
        picture : (C, H, W) array
            What surrounds the window.
        place : (int, int)
            Row and column.

        Returns
        -------
        (C, height, width) array
        """
        known = self._background
        (height, width), (top, left) = known.window, place
        if known.sampler == "marginal":
            number = int(random.integers(known.count))
            if known.count == 1:
                top = int(random.integers(known.shape[1] - height + 1))
                left = int(random.integers(known.shape[2] - width + 1))
            piece = known.pictures[number, :, top : top + height, left : left + width]
            return piece.astype(np.float64)
        rows, columns = known.patch
        down = _inside(top - known.padding, known.shape[1] - rows)
        right = _inside(left - known.padding, known.shape[2] - columns)
        patch = picture[:, down : down + rows, right : right + columns].astype(np.float64)
        inner, outer, slopes, factors = self._conditional(top - down, left - right)
        flat = patch.reshape(len(known.mean), -1)
        given = (flat - known.mean)[:, outer, None]
        noise = random.standard_normal((len(flat), inner.size, 1))
        drawn = known.mean[:, inner] + (slopes @ given + factors @ noise)[..., 0]
        bounds = known.low[:, None, None], known.high[:, None, None]
        return np.asarray(np.clip(drawn.reshape(-1, height, width), *bounds))

    def _prepare(
        self, down: int, right: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]:
        """Indices inside and outside of the window, regression and Cholesky factor."""
        import scipy

        known = self._background
        groups, length = known.mean.shape
        (height, width), (rows, columns) = known.window, known.patch
        inside = np.zeros((length // (rows * columns), rows, columns), bool)
        inside[:, down : down + height, right : right + width] = True
        inner, outer = np.flatnonzero(inside), np.flatnonzero(~inside)
        slopes = np.empty((groups, inner.size, outer.size))
        factors = np.empty((groups, inner.size, inner.size))
        for g, covariance in enumerate(known.covariance):
            ridge = max(_RIDGE * float(np.trace(covariance)) / length, _SMALLEST)
            regular = covariance + ridge * np.eye(length)
            across = regular[np.ix_(outer, inner)]
            if outer.size:
                around = scipy.linalg.cho_factor(regular[np.ix_(outer, outer)])
                slopes[g] = scipy.linalg.cho_solve(around, across).T
            left_over = regular[np.ix_(inner, inner)] - slopes[g] @ across
            factors[g] = np.linalg.cholesky(left_over)
        return inner, outer, slopes, factors


def _inside(start: int, last: int) -> int:
    return min(max(start, 0), last)
