"""From the numbers that a detector writes for a box to its sides in pixels of the input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

# Corners; centre, width and height; corner, width and height; rows before columns. These are
# linear in the numbers, and stand for themselves.
Plain = Literal["xyxy", "cxcywh", "xywh", "yxyx"]
# Counted from a cell: distances from its middle to the sides, as distributions or as numbers;
# offsets from its corner and logarithms of sizes in cells (YOLOX), or offsets from its corner and
# sizes in anchors, as YOLOv3 and as YOLOv5 write them.
FromCells = Literal["dfl", "ltrb", "yolox", "yolov3", "yolov5"]
Form = Literal[Plain, FromCells]
PLAIN: tuple[Plain, ...] = get_args(Plain)
FROM_CELLS: tuple[FromCells, ...] = get_args(FromCells)
FROM_MIDDLES = frozenset({"dfl", "ltrb"})
WITH_ANCHORS = frozenset({"yolov3", "yolov5"})


@dataclass(frozen=True)
class BoxCode:
    """What the numbers of a box mean.

    Attributes
    ----------
    form : str
        One of `PLAIN` or `FROM_CELLS`.
    unit : (float, float)
        Pixels of the input that one unit is, across and down: 1 for pixels, its width and
        height for shares of it.
    points : (2, P) array, optional
        Point of each candidate in units, for the forms that count from one: the middle of its
        cell for distances, the upper left corner otherwise.
    strides : (P,) array, optional
        Size of a cell at each candidate, in units.
    anchors : (2, P) array, optional
        Width and height of each candidate's anchor, in units.
    """

    form: Form
    unit: tuple[float, float] = (1.0, 1.0)
    points: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    strides: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    anchors: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether the numbers stand for themselves, so that sides are linear in them."""
        return self.form in PLAIN

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
        here = (_at(array, where) for array in (self.points, self.strides, self.anchors))
        part = BoxCode(self.form, self.unit, *here)
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
            return _around(a, b, c, d)
        assert self.points is not None
        assert self.strides is not None
        (x, y), cell = self.points, self.strides
        if self.form in FROM_MIDDLES:
            return np.stack([x - a * cell, y - b * cell, x + c * cell, y + d * cell], axis=1)
        if self.form == "yolox":
            return _around(x + a * cell, y + b * cell, np.exp(c) * cell, np.exp(d) * cell)
        assert self.anchors is not None
        wide, high = self.anchors
        if self.form == "yolov3":
            x, y = x + _sigmoid(a) * cell, y + _sigmoid(b) * cell
            return _around(x, y, np.exp(c) * wide, np.exp(d) * high)
        x, y = x + (2 * a - 0.5) * cell, y + (2 * b - 0.5) * cell
        return _around(x, y, (2 * c) ** 2 * wide, (2 * d) ** 2 * high)


def _around(x: Any, y: Any, width: Any, height: Any) -> NDArray[Any]:
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def _sigmoid(raw: NDArray[Any]) -> NDArray[Any]:
    """For complex numbers as well; neither end overflows."""
    positive = raw.real >= 0
    small = np.exp(np.where(positive, -raw, raw))
    return np.asarray(np.where(positive, 1.0, small) / (1.0 + small))


def _means(raw: NDArray[Any]) -> NDArray[Any]:
    """Means of four distributions over 0, 1, ..., of which the scores are given."""
    bins = raw.reshape(len(raw), 4, raw.shape[1] // 4, raw.shape[2])
    weights = np.exp(bins - bins.real.max(axis=2, keepdims=True))
    means = (weights * np.arange(bins.shape[2])[:, None]).sum(axis=2)
    return np.asarray(means / weights.sum(axis=2))


def _at(array: NDArray[np.float64] | None, where: NDArray[np.int64]) -> Any:
    return None if array is None else array[..., where]
