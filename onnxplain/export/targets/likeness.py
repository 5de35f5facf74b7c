"""Likeness of an embedding to a vector that is an input, or one of its dimensions, in nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from onnxplain.export.targets.explained import (
    PREDICTED,
    REFERENCE,
    TARGET,
    Explained,
    Given,
    Pass,
    Score,
    write_one_hot,
)
from onnxplain.export.targets.reading import write_scores, write_slopes
from onnxplain.targets.likeness import SAME
from onnxplain.targets.reading import Reading

# The difference of two nearly equal directions is small.
_REAL = np.dtype(np.float64)


@dataclass(frozen=True, eq=False)
class LikenessExplained(Explained):
    """Cosine of the angle between an embedding and a reference, or one dimension.

    Attributes
    ----------
    reading : Reading
        How the embedding is read.
    count : int
        Its length.
    unit : str
        See `Explained`.
    """

    reading: Reading
    count: int
    unit: str = "cosine"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors that are read."""
        return self.reading.tensors

    @property
    def given(self) -> tuple[Given, ...]:
        """A dimension, -1 for the likeness; and the vector to which it is, zeros for none."""
        zeros = np.zeros((1, self.count), np.float32)
        return (
            Given(TARGET, np.array([PREDICTED], np.int64), ("targets",)),
            Given(REFERENCE, zeros, ("references", self.count)),
        )

    def choose(self, at: Pass, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """Write the dimension as (N, D) of zeros and ones, and the direction of the reference.

        That of a zero vector is NaN, and so is all that comes of it.
        """
        build, given = at.build, inputs[TARGET]
        like = build.add("ArgMax", self._rows(at), axis=1, keepdims=0)
        alike = build.add("Equal", given, build.integer(PREDICTED))
        # Below -1 there is nothing: the run stops.
        index = build.add("Where", build.add("Less", given, build.integer(PREDICTED)),
                          build.integer(self.count), given)  # fmt: skip
        index = build.add("Where", alike, build.integer(0), index)
        index = build.add("Expand", index, build.add("Shape", like))
        index = build.add("Gather", build.constant(np.arange(self.count)), index)
        reference = build.add("Cast", inputs[REFERENCE], to=11)
        return {
            TARGET: write_one_hot(build, index, self.count, _REAL),
            REFERENCE: build.add("Div", reference, self._length(at, reference)),
            "alike": build.add("Unsqueeze", alike, build.integers(1)),
        }

    def score(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        """Write the cosine, or the dimension."""
        build = at.build
        one, direction, alike = chosen[TARGET], chosen[REFERENCE], chosen["alike"]
        rows = self._rows(at)
        length = self._length(at, rows)
        along = build.reduce("ReduceSum", build.add("Mul", rows, direction), [1])
        cosine = build.add("Div", along, length)
        plain = build.reduce("ReduceSum", build.add("Mul", rows, one), [1])
        value = build.add("Squeeze", build.add("Where", alike, cosine, plain), build.integers(1))
        square = build.add("Mul", length, length)
        across = build.add(
            "Sub", direction, build.add("Mul", build.add("Div", along, square), rows)
        )
        # What is left of the difference of one and the same direction is rounding.
        same = build.add("Less", self._length(at, across), build.constant(np.asarray(SAME)))
        across = build.add("Where", same, build.constant(np.asarray(0.0)), across)
        slopes = build.add("Where", alike, build.add("Div", across, length), one)
        weights = build.add("Unsqueeze", slopes, build.integers(2))
        shaped = build.add("Reshape", weights, build.add("Shape", self._scores(at)))
        return Score(value, write_slopes(at, self.reading, shaped, _REAL))

    def _scores(self, at: Pass) -> str:
        return write_scores(at, self.reading, _REAL)

    def _rows(self, at: Pass) -> str:
        """The embedding, (N, D), in the order in which `Likeness` reads it."""
        return at.build.add("Reshape", self._scores(at), at.build.integers(-1, self.count))

    def _length(self, at: Pass, rows: str) -> str:
        build = at.build
        return build.add("Sqrt", build.reduce("ReduceSum", build.add("Mul", rows, rows), [1]))
