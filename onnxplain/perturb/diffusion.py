"""Blur as diffusion on the grid of pixels: the scale-space of discrete pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Diffusion:
    """One picture after any time of diffusion, with its derivative.

    The picture x_s obeys dx_s/dt = L x_s / 2 in the time t = s^2, where L sums the differences from
    the four neighbours; nothing flows across the border. The kernel of this blur has the variance
    s^2, no negative weights and no truncation (Lindeberg 1990, doi:10.1109/34.49051, equation 13).

    Parameters
    ----------
    x : (C, H, W) or (H, W, C) array
        The picture.
    spatial_axes : (int, int)
        Where height and width are in a batch of such pictures.
    """

    def __init__(self, x: NDArray[Any], spatial_axes: tuple[int, int]) -> None:
        self._axes = tuple(axis - 1 for axis in spatial_axes)
        # In cosines each part fades by itself, with its own rate.
        height, width = (_cosines(x.shape[axis]) for axis in self._axes)
        self._down, self._right = height[0], width[0]
        self._rates = (height[1][:, None] + width[1]) / 2
        maps = np.moveaxis(x.astype(np.float64), self._axes, (-2, -1))
        self._parts = self._down.T @ maps @ self._right

    def at(self, sigmas: Array) -> Array:
        """Return the picture blurred by each of (K,) standard deviations in pixels, (K, ...)."""
        return self._pictures(self._faded(sigmas))

    def slope(self, sigmas: Array) -> Array:
        """Return the derivative of `at` by the standard deviation, (K, ...)."""
        return self._pictures(-2 * sigmas[:, None, None] * self._rates * self._faded(sigmas))

    def _faded(self, sigmas: Array) -> Array:
        return np.asarray(np.exp(-(sigmas[:, None, None] ** 2) * self._rates))

    def _pictures(self, factors: Array) -> Array:
        """Put pictures together from their cosines, each weakened by a factor, (K, H, W)."""
        maps = self._down @ (factors[:, None] * self._parts) @ self._right.T
        return np.moveaxis(maps, (-2, -1), tuple(axis + 1 for axis in self._axes))


def _cosines(length: int) -> tuple[Array, Array]:
    """Orthonormal cosines that are even about both borders, in columns, with the rate of each."""
    frequencies = np.pi * np.arange(length) / length
    waves = np.cos((np.arange(length)[:, None] + 0.5) * frequencies)
    return waves / np.linalg.norm(waves, axis=0), 2 - 2 * np.cos(frequencies)
