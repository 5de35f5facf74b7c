"""Mean, mean square or variance of sampled maps, with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.perturb.anytime import relative_error
from onnxplain.perturb.compensated import CompensatedSum

Array = NDArray[np.float64]
Moment = Literal["mean", "square", "variance"]
Powers = Mapping[str, NDArray[Any]]

# Power of the samples that each sum holds.
_DEGREES: Mapping[Moment, Mapping[str, int]] = {
    "mean": {"own": 1, "squared": 2},
    "square": {"own": 2, "squared": 4},
    "variance": {"own": 2, "squared": 4, "first": 1, "with_first": 3, "between": 2},
}


class Moments:
    """One moment of samples v, from compensated sums in the precision of the samples.

    Summed is the deviation d from the mean of the first samples, so that a large common offset
    costs no digits, in units of a power of two that no deviation exceeds, so that no fourth
    power leaves the range of float32.

    Parameters
    ----------
    moment : {"mean", "square", "variance"}
        Mean of v, mean of v^2, or mean of v^2 minus the square of the mean.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment: Moment = moment
        self._channel: int | None = None
        self._count = 0
        self._unit = 0.0
        self._offset: NDArray[Any] = np.zeros(1)
        self._sums = {name: CompensatedSum() for name in _DEGREES[moment]}

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
        found = values.astype(np.result_type(values, np.float32), copy=False)
        channel = self._channel
        maps = found[:, None] if channel is None else np.moveaxis(found, channel + 1, 1)
        if not self._count and len(maps):
            self._offset = maps.mean(axis=0, dtype=np.float64).astype(maps.dtype)
        for one in maps:
            self._take(one - self._offset)
        self._count += len(maps)

    def value(self) -> Array:
        """The moment, in the axes of a map."""
        found = self._by_channel()
        return found[0] if self._channel is None else np.moveaxis(found, 0, self._channel)

    def error(self) -> Array:
        """Standard error of the moment's sum over the channels, (H, W), by the delta method.

        NaN where a single sample tells nothing.
        """
        mean, power = self._mean("own").sum(axis=0), self._mean("squared")
        if self._moment == "variance":
            # Each sample's sum of squares about the mean m of the deviations: d^2 - 2 m d.
            first = self._mean("first")
            mean = mean - 2 * (first**2).sum(axis=0)
            power = power - 4 * (first * self._mean("with_first")).sum(axis=0)
            power += 4 * np.einsum("i...,j...,ij...->...", first, first, self._mean("between"))
        variance = power - mean**2
        if self._count < 2:
            return np.full_like(variance, np.nan)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0) / (self._count - 1)))

    def relative_error(self) -> float:
        """How far the sum over the channels has settled; see `relative_error`."""
        return relative_error(self._by_channel().sum(axis=0), self.error())

    def _take(self, deviation: NDArray[Any]) -> None:
        self._widen(deviation)
        for name, term in self._powers(deviation).items():
            self._sums[name].add(term)

    def _widen(self, deviation: NDArray[Any]) -> None:
        """Make the unit no smaller than the numbers of a sample."""
        largest = float(np.abs(deviation).max(initial=0.0))
        if self._moment == "square":
            largest += float(np.abs(self._offset).max(initial=0.0))
        if not self._unit < largest < math.inf:
            return
        unit = math.ldexp(1.0, math.frexp(largest)[1])
        for name, degree in _DEGREES[self._moment].items():
            self._sums[name].scale((self._unit / unit) ** degree)
        self._unit = unit

    def _powers(self, deviation: NDArray[Any]) -> Powers:
        scale = deviation.dtype.type(self._unit or 1.0)
        first = deviation / scale
        if self._moment == "variance":
            own = first * first
            total = own.sum(axis=0)
            return {
                "own": own,
                "squared": total * total,
                "first": first,
                "with_first": first * total,
                "between": first[:, None] * first,
            }
        own = first if self._moment == "mean" else first * (first + 2 * (self._offset / scale))
        total = own.sum(axis=0)
        return {"own": own, "squared": total * total}

    def _by_channel(self) -> Array:
        offset, own = self._offset.astype(np.float64), self._mean("own")
        if self._moment == "variance":
            return np.maximum(own - self._mean("first") ** 2, 0.0)
        return (offset if self._moment == "mean" else offset**2) + own

    def _mean(self, name: str) -> Array:
        unit = (self._unit or 1.0) ** _DEGREES[self._moment][name]
        return self._sums[name].value() * (unit / self._count)
