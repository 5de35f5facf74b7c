"""What a model says about one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import Parity
from onnxplain.errors import UsageError
from onnxplain.targets.classes import Kind

# What is shown first, and classes are ranked by, where a model has several kinds.
_ORDER: tuple[Kind, ...] = ("probability", "logit", "raw")
# How many scores a representation in Python names.
_SHOWN = 3


@dataclass(frozen=True, repr=False)
class Prediction:
    """What the model says about one picture.

    Attributes
    ----------
    kinds : mapping of {"logit", "probability", "raw"} to (K,) array
        The scores; there are probabilities only where the graph or the user makes them such.
    unit : str
        What `scores` are: ``probability``, ``logit``, ``score``, ``value``, ``area``, ...
    names : sequence of str
        Names of the scores; empty if unknown.
    position : tuple of int
        Where a dense output was read.
    shares : (K,) array, optional
        Of a dense output read as a whole: share of the places at which each class wins.
    parity : Parity or None
        Agreement of the two engines, once a method has needed PyTorch.
    """

    kinds: Mapping[Kind, NDArray[np.float64]]
    unit: str
    names: Sequence[str] = ()
    position: tuple[int, ...] = ()
    shares: NDArray[np.float64] | None = field(default=None)
    parity: Parity | None = None

    def __repr__(self) -> str:
        best = (f"{self.name(k) or k} {self.scores[k]:.4g}" for k in self.order(_SHOWN))
        more = ", ..." if len(self.scores) > _SHOWN else ""
        return f"<{type(self).__name__}, {self.unit}: {', '.join(best)}{more}>"

    @property
    def scores(self) -> NDArray[np.float64]:
        """The (K,) scores that people are shown, and that classes are ranked by."""
        if self.shares is not None:
            return self.shares
        return next(self.kinds[kind] for kind in _ORDER if kind in self.kinds)

    @property
    def winner(self) -> int:
        """Index of the class with the largest score."""
        return int(self.scores.argmax())

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The (K,) probabilities.

        Raises
        ------
        UsageError
            If nothing makes any number of the answer a probability.
        """
        return self.of_kind("probability")

    @property
    def logits(self) -> NDArray[np.float64]:
        """The (K,) scores in front of the final activation, if there are any."""
        return self.of_kind("logit")

    @property
    def raw(self) -> NDArray[np.float64]:
        """The (K,) numbers that the graph output holds."""
        return self.of_kind("raw")

    def of_kind(self, kind: Kind) -> NDArray[np.float64]:
        """Return the (K,) scores of that kind.

        Raises
        ------
        UsageError
            If the answer has none.
        """
        if kind not in self.kinds:
            raise UsageError(
                f"no number of this answer is known to be a {kind}; say what its scores are: "
                "--scores logits|probabilities, or load(..., scores=...)"
            )
        return self.kinds[kind]

    def order(self, count: int | None = None) -> list[int]:
        """Indices of the largest scores, the best first; of equal ones the lowest index."""
        return [int(k) for k in np.argsort(-self.scores, kind="stable")[:count]]

    def name(self, index: int) -> str:
        """Name of a score; empty if unknown."""
        return self.names[index] if self.names else ""


def mean_of(runs: Sequence[Prediction]) -> Prediction:
    """Return the mean of what several runs of a file that draws random numbers say."""
    first = runs[0]
    kinds = {k: np.mean([r.kinds[k] for r in runs], axis=0) for k in first.kinds}
    shares = [r.shares for r in runs if r.shares is not None]
    return replace(first, kinds=kinds, shares=np.mean(shares, axis=0) if shares else None)
