"""Numbers without classes: a value, an element or the mean of a slice of any tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.reading import Reading
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.target import Target


@dataclass(frozen=True)
class ValueScore(Target):
    """A number that the graph holds, or the mean of several; or its negative.

    Attributes
    ----------
    words : str
        What it is, for captions: ``age (0)``, ``'features'[0, 3:5]``.
    name_part : str
        See `Target.stem`.
    reading : Reading
        How the numbers are read; their mean is explained.
    row : int, optional
        Which of the reading's rows counts (its first axis beside the inputs); all if not given.
    negative : bool
        What makes the number lower is explained.
    quantity : str
        What the number is.
    """

    words: str
    name_part: str
    reading: Reading = field(compare=False, repr=False)
    row: int | None = None
    negative: bool = False
    quantity: str = "value"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read."""
        return self.reading.tensors

    @property
    def origin(self) -> str | None:
        """Tensor that holds the numbers."""
        return self.tensors[0]

    @property
    def unit(self) -> str:
        """What the number is."""
        return self.quantity

    @property
    def is_linear(self) -> bool:
        """Whether no activation stands between the tensors and the number."""
        return self.reading.is_linear

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the number of each input, (N,)."""
        rows = self._rows(self.reading.read(values))
        mean: NDArray[np.float64] = rows.reshape(len(rows), -1).mean(axis=1)
        return -mean if self.negative else mean

    def slopes(self, values: Values) -> Slopes:
        """Return the derivatives with respect to the tensors."""
        weights = np.zeros(self.reading.read(values).shape)
        counting = self._rows(weights)
        counting[...] = (-1.0 if self.negative else 1.0) / int(np.prod(counting.shape[1:]))
        return self.reading.slopes(values, weights)

    def describe(self) -> str:
        """One short phrase for captions."""
        return f"{'lower ' * self.negative}{self.words}, {self.unit}"

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        return f"{'lower-' * self.negative}{self.name_part}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for records."""
        return {
            "type": "value",
            "describe": self.describe(),
            "stem": self.stem,
            "unit": self.unit,
            "tensors": list(self.tensors),
            "negative": self.negative,
        }

    def _rows(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows if self.row is None else rows[:, self.row : self.row + 1]
