"""What relevance starts with at the output."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.targets.classes import ScoresT, Target

STARTS = ("score", "others")


@dataclass(frozen=True)
class AgainstOthers(Target):
    """The score of a class, less the mean score of all others."""

    def select(self, scores: ScoresT) -> ScoresT:
        """Pick the explained scalar from (N, K) scores, as an (N,) array."""
        return scores[:, self.index] - scores[:, self._others()].mean(1)

    def coefficients(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Derivative of the explained scalar with respect to (N, K) scores."""
        slopes = np.full(scores.shape, -1.0 / (self.classes - 1))
        slopes[:, self.index] = 1.0
        return slopes


def seeded(target: Target, start: str) -> Target:
    """Return the target whose score relevance starts with.

    Parameters
    ----------
    target : Target
        What the user asked for.
    start : str
        ``score`` for the target's own score, distributed over its classes as it is summed;
        ``others`` for the class score less the mean of all others.

    Raises
    ------
    UnknownNameError
        If there is no such start.
    MethodRefusedError
        If the target is a difference already, or there is no other class.
    """
    if start not in STARTS:
        raise UnknownNameError("start", start, STARTS, f"start: {', '.join(STARTS)}")
    if start == "score":
        return target
    if target.contrast is not None or target.margin or target.negative or target.classes < 2:
        raise MethodRefusedError(
            "start=others needs one plain class among several: no contrast, margin or negative"
        )
    values = {f.name: getattr(target, f.name) for f in dataclasses.fields(target)}
    return AgainstOthers(**values)
