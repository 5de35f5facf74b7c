"""A target: the number that is explained, as a function of named tensors with its slope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.secants import Slopes, Values, averaged


class Target(ABC):
    """A scalar of each input, read from named tensors of the graph.

    Engines need `tensors`, `slopes`, `starts` and `secants` only; they know nothing of
    classes. Everything is NumPy; axis 0 of what is returned is the batch.

    Called with the arguments of a `ClassScore`, it makes one.
    """

    def __new__(cls, *values: Any, **named: Any) -> Target:
        """Make a target; the base class stands for the score of a class."""
        if cls is Target:
            from onnxplain.targets.classes import ClassScore

            return object.__new__(ClassScore)
        return object.__new__(cls)

    @property
    @abstractmethod
    def tensors(self) -> tuple[str, ...]:
        """Names of the ONNX tensors that the score is read from."""

    @property
    def origin(self) -> str | None:
        """Tensor in front of which a layer is looked for, if not in front of the whole answer."""
        return None

    @property
    @abstractmethod
    def unit(self) -> str:
        """What the number is: ``logit``, ``probability``, ``value``, ``cosine``, ..."""

    @property
    def is_linear(self) -> bool:
        """Whether the score is a linear function of its tensors, up to a constant."""
        return True

    @property
    def one_by_one(self) -> bool:
        """Whether the tensors tell inputs apart only if each is run on its own."""
        return False

    @property
    def is_probability(self) -> bool:
        """Whether the score is a probability, so that odds can be taken of it."""
        return False

    @abstractmethod
    def score(self, values: Values) -> NDArray[np.float64]:
        """Return the explained number of each input, (N,).

        Raises
        ------
        NumericalError
            If a value is NaN or infinite.
        """

    @abstractmethod
    def slopes(self, values: Values) -> Slopes:
        """Return the derivatives of each input's own score, in the shapes of the tensors."""

    def starts(self, values: Values) -> Slopes:
        """Return what relevance propagation starts with: each element's part of the score.

        That is slope times value. The parts of a linear score without a constant add up to it.
        """
        return {n: s * np.asarray(values[n], np.float64) for n, s in self.slopes(values).items()}

    def secants(self, here: Values, there: Values) -> Slopes:
        """Return multipliers m with sum of m (here - there) = score here - score there.

        Those of a linear score are its slopes; of any other one, the slopes averaged on the
        straight way between the two.
        """
        if self.is_linear:
            return self.slopes(here)
        return averaged(self.score, self.slopes, self.tensors, here, there)

    @abstractmethod
    def describe(self) -> str:
        """One short phrase for captions, for example ``"tiger cat (282), logit"``."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """What tells this target from others of the same picture in names of files."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain data for records, with the key ``type``."""
