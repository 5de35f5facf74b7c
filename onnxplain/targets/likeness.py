"""Likeness of an embedding to another one: their cosine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.targets.reading import Reading
from onnxplain.targets.secants import Slopes, Values
from onnxplain.targets.target import Target

#: Sine of the angle below which an embedding in single precision has no direction to the other.
SAME = 1e-6


@dataclass(frozen=True)
class Likeness(Target):
    """Cosine of the angle between an embedding and a given vector.

    Attributes
    ----------
    words : str
        What the vector comes from, for captions: the name of a picture or a file.
    name_part : str
        See `Target.stem`.
    reading : Reading
        How the embedding is read, as (D,).
    reference : (D,) array
        The vector.
    """

    words: str
    name_part: str
    reading: Reading = field(compare=False, repr=False)
    reference: NDArray[np.float64] = field(compare=False, repr=False)

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors that are read."""
        return self.reading.tensors

    @property
    def unit(self) -> str:
        """What the number is."""
        return "cosine"

    @property
    def is_linear(self) -> bool:
        """Never: the length of the embedding divides."""
        return False

    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the cosine of each input, (N,).

        Raises
        ------
        NumericalError
            If an embedding is zero: it has no direction.
        """
        rows, lengths = self._read(values)
        cosines: NDArray[np.float64] = rows @ self._direction / lengths
        return cosines

    def slopes(self, values: Values) -> Slopes:
        """Return the derivatives with respect to the tensors.

        They are zero where both vectors point the same way, or opposite ways: what is left of
        their difference there is rounding.
        """
        rows, lengths = self._read(values)
        along = (rows @ self._direction / lengths**2)[:, None] * rows
        across = self._direction - along
        across[np.linalg.norm(across, axis=1) < SAME] = 0.0
        slopes = across / lengths[:, None]
        return self.reading.slopes(values, slopes.reshape(self.reading.read(values).shape))

    def starts(self, values: Values) -> Slopes:
        """Return each element's part of the cosine: e_i r_i over the lengths of both.

        The length counts as a constant, as relevance propagation treats every normalisation:
        slope times value would add up to zero.
        """
        rows, lengths = self._read(values)
        slopes = np.broadcast_to(self._direction, rows.shape) / lengths[:, None]
        found = self.reading.slopes(values, slopes.reshape(self.reading.read(values).shape))
        return {n: s * np.asarray(values[n], np.float64) for n, s in found.items()}

    def describe(self) -> str:
        """One short phrase for captions."""
        return f"likeness to {self.words}, cosine"

    @property
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""
        return self.name_part

    def to_dict(self) -> dict[str, Any]:
        """Plain data for records."""
        return {
            "type": "likeness",
            "describe": self.describe(),
            "stem": self.stem,
            "unit": self.unit,
            "tensors": list(self.tensors),
        }

    @property
    def _direction(self) -> NDArray[np.float64]:
        reference = self.reference.reshape(-1)
        return reference / np.linalg.norm(reference)

    def _read(self, values: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows = self.reading.read(values)
        rows = rows.reshape(len(rows), -1)
        lengths = np.linalg.norm(rows, axis=1)
        if not lengths.all():
            raise NumericalError("the embedding is all zeros: it has no direction to compare")
        return rows, lengths
