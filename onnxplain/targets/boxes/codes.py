"""From the numbers that a detector writes for a box to its sides in pixels of the input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

# Corners; centre, width and height; corner, width and height; rows before columns; distances
# from a point to the sides, as distributions.
Form = Literal["xyxy", "cxcywh", "xywh", "yxyx", "dfl"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True)
class BoxCode:
    """What the numbers of a box mean.

    Attributes
    ----------
    form : str
        One of `FORMS`.
    unit : (float, float)
        Pixels of the input that one unit is, across and down: 1 for pixels, its width and
        height for shares of it.
    points : (2, P) array, optional
        Point of each candidate in units, for the forms that count from one.
    strides : (P,) array, optional
        Size of a cell at each candidate, in units.
    """

    form: Form
    unit: tuple[float, float] = (1.0, 1.0)
    points: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    strides: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @property
    def width(self) -> int | None:
        """Numbers of one box; ``None`` for distributions, whose length the file chooses."""
        return None if self.form == "dfl" else 4

    def decode(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return left, top, right and bottom, (N, 4, P), of raw numbers (N, n, P).

        Every form is an analytic function of the numbers, also of complex ones.
        """
        sides = self._sides(raw)
        across, down = self.unit
        return sides * np.array([across, down, across, down])[:, None]

    def slope(self, raw: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivative of a weighted sum of one candidate's sides with respect to its numbers.

        Parameters
        ----------
        raw : (N, n, P) array
            The numbers.
        weights : (4, P) array
            What left, top, right and bottom count; those of one candidate may be non-zero.

        Returns
        -------
        (N, n, P) array
            By complex steps, so to the last digits.
        """
        found = np.zeros(raw.shape)
        where = np.flatnonzero(weights.any(axis=0))
        part = BoxCode(self.form, self.unit, _at(self.points, where), _at(self.strides, where))
        tiny = 1e-100
        for k in range(raw.shape[1]):
            moved = raw[..., where].astype(np.complex128)
            moved[:, k] += 1j * tiny
            found[:, k, where] = (part.decode(moved).imag / tiny * weights[:, where]).sum(axis=1)
        return found

    def _sides(self, raw: NDArray[Any]) -> NDArray[Any]:
        if self.form == "dfl":
            raw = _means(raw)
        a, b, c, d = np.moveaxis(raw, 1, 0)
        if self.form == "xyxy":
            return np.stack([a, b, c, d], axis=1)
        if self.form == "yxyx":
            return np.stack([b, a, d, c], axis=1)
        if self.form == "xywh":
            return np.stack([a, b, a + c, b + d], axis=1)
        if self.form == "cxcywh":
            return np.stack([a - c / 2, b - d / 2, a + c / 2, b + d / 2], axis=1)
        assert self.points is not None
        assert self.strides is not None
        x, y = self.points
        a, b, c, d = (n * self.strides for n in (a, b, c, d))
        return np.stack([x - a, y - b, x + c, y + d], axis=1)


def _means(raw: NDArray[Any]) -> NDArray[Any]:
    """Means of four distributions over 0, 1, ..., of which the scores are given."""
    bins = raw.reshape(len(raw), 4, raw.shape[1] // 4, raw.shape[2])
    weights = np.exp(bins - bins.real.max(axis=2, keepdims=True))
    means = (weights * np.arange(bins.shape[2])[:, None]).sum(axis=2)
    return np.asarray(means / weights.sum(axis=2))


def _at(array: NDArray[np.float64] | None, where: NDArray[np.int64]) -> Any:
    return None if array is None else array[..., where]
