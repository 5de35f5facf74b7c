"""Mean, mean square or variance of sampled maps, with its standard error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.perturb.anytime import relative_error

Array = NDArray[np.float64]
Moment = Literal["mean", "square", "variance"]


class Moments:
    """One moment of samples v, from sums of v, v^2 and their products between channels.

    Parameters
    ----------
    moment : {"mean", "square", "variance"}
        Mean of v, mean of v^2, or mean of v^2 less the square of the mean.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._channel: int | None = None
        self._count = 0
        self._sums: Array = np.zeros(1)
        self._products: Array = np.zeros(1)

    def add(self, values: NDArray[Any], axes: Sequence[str]) -> None:
        """Take in samples.

        Parameters
        ----------
        values : (n, ...) array
            Maps.
        axes : sequence of str
            Meaning of each axis of one map: C, H, W; C may be missing. Always the same.
        """
        self._channel = list(axes).index("C") if "C" in axes else None
        found = values.astype(np.float64)
        channel = self._channel
        maps = found[:, None] if channel is None else np.moveaxis(found, channel + 1, 1)
        powers = np.concatenate([maps, maps**2], axis=1)
        self._sums = self._sums + powers.sum(axis=0)
        self._products = self._products + np.einsum("ni...,nj...->ij...", powers, powers)
        self._count += len(values)

    def value(self) -> Array:
        """The moment, in the axes of a map."""
        found = self._by_channel()
        return found[0] if self._channel is None else np.moveaxis(found, 0, self._channel)

    def error(self) -> Array:
        """Standard error of the moment's sum over the channels, (H, W), by the delta method.

        NaN where a single sample tells nothing.
        """
        mean, _ = self._means()
        ones, none = np.ones_like(mean), np.zeros_like(mean)
        slopes = {"mean": (ones, none), "square": (none, ones), "variance": (-2 * mean, ones)}
        slope = np.concatenate(slopes[self._moment])
        # Variance of a linear form: the mean of its square, less the square of its mean.
        power = np.einsum("i...,j...,ij...->...", slope, slope, self._products) / self._count
        variance = power - (slope * self._sums / self._count).sum(axis=0) ** 2
        if self._count < 2:
            return np.full_like(variance, np.nan)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0) / (self._count - 1)))

    def relative_error(self) -> float:
        """How far the sum over the channels has settled; see `relative_error`."""
        return relative_error(self._by_channel().sum(axis=0), self.error())

    def _by_channel(self) -> Array:
        mean, square = self._means()
        if self._moment == "variance":
            return np.maximum(square - mean**2, 0.0)
        return mean if self._moment == "mean" else square

    def _means(self) -> tuple[Array, Array]:
        mean, square = np.split(self._sums / self._count, 2)
        return mean, square
