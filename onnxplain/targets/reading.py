"""Where the scores of an answer stand in the graph's tensors, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NonFiniteAnswerError
from onnxplain.targets.shares import sigmoid, softmax

# What still has to be done to a tensor's values before they are the scores.
Activation = Literal["none", "softmax", "softmin", "sigmoid", "exp"]
Array = NDArray[np.float64]
Places = tuple[int | NDArray[np.int64], ...]

_ACTIVATIONS: Mapping[Activation, Callable[[Array, int], Array]] = {
    "none": lambda scores, axis: scores,
    "softmax": lambda scores, axis: softmax(scores, axis=axis),
    "softmin": lambda scores, axis: softmax(-scores, axis=axis),
    "sigmoid": lambda scores, axis: sigmoid(scores),
    "exp": lambda scores, axis: np.exp(scores),
}


@dataclass(frozen=True, eq=False)
class Piece:
    """Elements of one tensor.

    Attributes
    ----------
    tensor : str
        ONNX tensor name.
    positions : int array, optional
        For each element of the piece its flat position in one input's value of the tensor;
        the value as it is if not given.
    batch_axis : int or None
        Axis of the tensor along which inputs stand; ``None`` if the file has no batch.
    """

    tensor: str
    positions: NDArray[np.int64] | None = None
    batch_axis: int | None = 0

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the piece of each input, (N, ...), from the tensor's values."""
        rows = self._rows(values)
        if self.positions is None:
            return rows
        return rows.reshape(len(rows), -1)[:, self.positions]

    def give(self, slopes: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Put slopes of the piece, (N, ...), into an array of the tensor's shape."""
        batch, axis = len(slopes), self.batch_axis
        one = shape if axis is None else tuple(d for k, d in enumerate(shape) if k != axis)
        if self.positions is None:
            rows = slopes.reshape(batch, *one)
        else:
            flat = np.zeros((batch, int(np.prod(one))))
            # Two elements of the answer may be the same element of the tensor.
            where = (np.arange(batch)[:, None], self.positions.reshape(1, -1))
            np.add.at(flat, where, slopes.reshape(batch, -1))
            rows = flat.reshape(batch, *one)
        return rows[0] if axis is None else np.moveaxis(rows, 0, axis)

    def at(self, shape: tuple[int, ...], axis: int, places: Places) -> Piece:
        """Return the elements at some places only, with the classes on the first axis.

        Parameters
        ----------
        shape : tuple of int
            Shape of the tensor for one input, batch axis included.
        axis : int
            Axis of the classes in the piece.
        places : tuple of int or of (M,) int array
            One index, or M of them, for each other axis of the piece.
        """
        positions = self.positions
        if positions is None:
            one = tuple(d for k, d in enumerate(shape) if k != self.batch_axis)
            positions = np.arange(int(np.prod(one))).reshape(one)
        return replace(self, positions=np.moveaxis(positions, axis, 0)[(slice(None), *places)])

    def _rows(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.batch_axis == 0:
            return values
        return values[None] if self.batch_axis is None else np.moveaxis(values, self.batch_axis, 0)


@dataclass(frozen=True, eq=False)
class Reading:
    """How scores are read from the graph's tensors.

    The result of one input has the classes on `axis`; its other axes are places.

    Attributes
    ----------
    pieces : tuple of Piece
        Joined along `axis`, in the order of the classes.
    axis : int
        Axis of the classes in one input's result.
    activation : {"none", "softmax", "softmin", "sigmoid", "exp"}
        Applied to the joined pieces, over the classes; softmin where the smallest wins.
    scale : float
        What the activated values are multiplied by, such as 0.01 for a percentage.
    offset : float
        What is added then, as in 1 - p.
    two_sided : {"", "logit", "probability"}
        A single score that stands for two classes: no, -z or 1 - p, and yes, z or p.
    """

    pieces: tuple[Piece, ...]
    axis: int = 0
    activation: Activation = "none"
    scale: float = 1.0
    offset: float = 0.0
    two_sided: Literal["", "logit", "probability"] = ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read, each once."""
        return tuple(dict.fromkeys(p.tensor for p in self.pieces))

    @property
    def is_linear(self) -> bool:
        """Whether the scores are a linear function of the tensors, up to a constant."""
        return self.activation == "none"

    def at(self, shapes: Mapping[str, tuple[int, ...]], places: Places) -> Reading:
        """Return the reading of some places: the classes first, then the places if several.

        Parameters
        ----------
        shapes : mapping of str to tuple of int
            Shapes of the tensors for one input.
        places : tuple of int or of (M,) int array
            One index, or M of them, for each axis of the result beside the classes.
        """
        pieces = tuple(p.at(shapes[p.tensor], self.axis, places) for p in self.pieces)
        return replace(self, pieces=pieces, axis=0)

    def read(self, values: Mapping[str, NDArray[Any]]) -> Array:
        """Return the scores of each input, (N, ...) with the classes on axis 1 + `axis`.

        Raises
        ------
        NumericalError
            If a value is NaN or infinite.
        """
        return self._activated(self._joined(values))

    def slopes(
        self, values: Mapping[str, NDArray[Any]], weights: NDArray[Any]
    ) -> dict[str, NDArray[Any]]:
        """Derivatives of a weighted sum of the scores with respect to the tensors.

        Parameters
        ----------
        values : mapping of str to array
            The tensors.
        weights : (N, ...) array
            The sum's derivative with respect to each score that `read` returns.

        Returns
        -------
        dict of str to array
            In the shapes of the tensors; derivatives of each input's own sum.
        """
        joined = self._joined(values)
        back = self._back(joined, weights)
        found: dict[str, NDArray[Any]] = {}
        start = 0
        for piece in self.pieces:
            rows = piece.take(values[piece.tensor])
            count = self._spread(rows).shape[1 + self.axis]
            part = np.take(back, np.arange(start, start + count), axis=1 + self.axis)
            start += count
            slopes = piece.give(part.reshape(rows.shape), values[piece.tensor].shape)
            known = found.get(piece.tensor)
            found[piece.tensor] = slopes if known is None else known + slopes
        return found

    def _joined(self, values: Mapping[str, NDArray[Any]]) -> Array:
        parts = [self._spread(p.take(values[p.tensor])).astype(np.float64) for p in self.pieces]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1 + self.axis)
        if not np.isfinite(joined).all():
            raise NonFiniteAnswerError(
                f"the model's output tensor {self.pieces[0].tensor!r} holds {_count(joined)}",
                "nothing can be explained: check the preprocessing (range, layout) and the model "
                "file",
            )
        return joined

    def _spread(self, rows: NDArray[Any]) -> NDArray[Any]:
        """One axis of classes at least, also for a single number without an axis."""
        return rows.reshape(len(rows), 1) if rows.ndim == 1 else rows

    def _activated(self, joined: Array) -> Array:
        scores = self.scale * _ACTIVATIONS[self.activation](joined, 1 + self.axis) + self.offset
        if not self.two_sided:
            return scores
        no = 1.0 - scores if self.two_sided == "probability" else -scores
        return np.concatenate([no, scores], axis=1 + self.axis)

    def _back(self, joined: Array, weights: NDArray[Any]) -> Array:
        axis = 1 + self.axis
        if self.two_sided:
            # No falls as yes rises, whether they are probabilities or logits.
            no, yes = np.split(np.asarray(weights, np.float64), 2, axis=axis)
            weights = yes - no
        weights = self.scale * weights
        if self.activation == "none":
            return np.asarray(weights, np.float64)
        scores = _ACTIVATIONS[self.activation](joined, axis)
        if self.activation == "exp":
            return weights * scores
        # Written so that nothing cancels near 0 and 1, where little is left of 1 - p.
        if self.activation == "sigmoid":
            return weights * scores * sigmoid(-joined)
        first = scores.argmax(axis=axis, keepdims=True)
        weights = weights - np.take_along_axis(weights, first, axis)
        mean = (weights * scores).sum(axis=axis, keepdims=True)
        sign = -1.0 if self.activation == "softmin" else 1.0
        return sign * scores * (weights - mean)


def _count(values: Array) -> str:
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    return " and ".join(f"{n} {what}" for n, what in ((nan, "NaN"), (infinite, "Inf")) if n)
