"""Some numbers of each candidate of a detector, as rows over all candidates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.shares import sigmoid, softmax

Array = NDArray[np.float64]
Squashing = Literal["none", "sigmoid", "softmax"]


@dataclass(frozen=True)
class Columns:
    """Numbers that stand beside each other in one or several tensors.

    Attributes
    ----------
    tensors : tuple of str
        Their candidates follow each other in this order.
    axis : int
        Axis of the numbers in one input's value of each tensor; all others are candidates.
    first, stop : int, int or None
        Which of the numbers.
    groups : int
        The axis holds so many candidates, one after the other.
    batch_axis : int or None
        Axis along which inputs stand; ``None`` if the file has no batch.
    squash : {"none", "sigmoid", "softmax"}
        What makes them scores; a Softmax runs over the numbers of a candidate.
    scale : float
        What they are multiplied by afterwards, such as 0.01 for a percentage.
    alone : bool
        One number of each candidate, without an axis of its own.
    """

    tensors: tuple[str, ...]
    axis: int = -1
    first: int = 0
    stop: int | None = None
    groups: int = 1
    batch_axis: int | None = 0
    squash: Squashing = "none"
    scale: float = 1.0
    alone: bool = False

    @property
    def plain(self) -> Columns:
        """The numbers before they are squashed."""
        return replace(self, squash="none", scale=1.0)

    def cut(self, first: int, stop: int | None) -> Columns:
        """Return some of these columns."""
        end = self.stop if stop is None else self.first + stop
        return replace(self, first=self.first + first, stop=end)

    def read(self, values: Values) -> Array:
        """Return the numbers of each input, (N, n, P).

        Raises
        ------
        NumericalError
            If one is NaN or infinite.
        """
        raw = np.concatenate([self._rows(values[t]) for t in self.tensors], axis=2)
        raw = raw[:, self.first : self.stop].astype(np.float64)
        if not np.isfinite(raw).all():
            raise NumericalError(
                f"tensor {self.tensors[0]!r} holds NaN or infinite numbers; nothing can be "
                "explained: check the preprocessing (range, layout) and the model file"
            )
        if self.squash == "sigmoid":
            raw = sigmoid(raw)
        elif self.squash == "softmax":
            raw = softmax(raw, axis=1)
        return self.scale * raw

    def slopes(self, values: Values, weights: Array) -> Slopes:
        """Derivatives of a weighted sum of the numbers with respect to the tensors.

        Parameters
        ----------
        values : mapping of str to array
            The tensors.
        weights : (N, n, P) array
            Derivatives of the sum with respect to what `read` returns.
        """
        back = self.scale * weights
        if self.squash != "none":
            scores = self.read(values) / self.scale
            if self.squash == "sigmoid":
                back = back * scores * (1.0 - scores)
            else:
                back = scores * (back - (back * scores).sum(axis=1, keepdims=True))
        found: Slopes = {}
        start = 0
        for tensor in self.tensors:
            rows = self._rows(np.asarray(values[tensor]))
            whole = np.zeros(rows.shape)
            whole[:, self.first : self.stop] = back[..., start : start + rows.shape[2]]
            start += rows.shape[2]
            found[tensor] = self._unfold(whole, np.asarray(values[tensor]).shape)
        return found

    def _rows(self, value: NDArray[np.generic]) -> NDArray[np.generic]:
        """One tensor as (N, n, P)."""
        value = value[None] if self.batch_axis is None else np.moveaxis(value, self.batch_axis, 0)
        if self.alone:
            return value.reshape(len(value), 1, -1)
        moved = np.moveaxis(value, self._axis(value.ndim), 1)
        batch, width = moved.shape[:2]
        count = math.prod(moved.shape[2:])
        split = moved.reshape(batch, self.groups, width // self.groups, count)
        return split.swapaxes(1, 2).reshape(batch, width // self.groups, -1)

    def _unfold(self, rows: Array, shape: tuple[int, ...]) -> Array:
        """Put (N, n, P) back into the shape of the tensor: what `_rows` did, undone."""
        if self.batch_axis is None:
            one = shape
        else:
            one = tuple(n for k, n in enumerate(shape) if k != self.batch_axis)
        if self.alone:
            whole = rows.reshape(len(rows), *one)
            return whole[0] if self.batch_axis is None else np.moveaxis(whole, 0, self.batch_axis)
        axis = self._axis(len(one) + 1)
        rest = tuple(n for k, n in enumerate(one) if k != axis - 1)
        batch = len(rows)
        split = rows.reshape(batch, one[axis - 1] // self.groups, self.groups, math.prod(rest))
        moved = split.swapaxes(1, 2).reshape(batch, one[axis - 1], *rest)
        whole = np.moveaxis(moved, 1, axis)
        return whole[0] if self.batch_axis is None else np.moveaxis(whole, 0, self.batch_axis)

    def _axis(self, dimensions: int) -> int:
        """Axis of the numbers where inputs stand first."""
        return self.axis + 1 if self.axis >= 0 else self.axis + dimensions
