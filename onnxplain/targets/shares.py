"""Scores as shares of one: Softmax and Sigmoid in NumPy alone.

``scipy.special`` has both, but a command that explains one picture would wait for all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(scores: NDArray[Any], axis: int | None = None) -> NDArray[Any]:
    """Exponentials of scores, divided by their sum; nothing overflows.

    Parameters
    ----------
    scores : array
        In any floating-point type, which the result keeps.
    axis : int, optional
        Along which the shares sum to one; all of the array if not given.
    """
    powers = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=axis, keepdims=True)
    return shares


def sigmoid(scores: NDArray[Any]) -> NDArray[Any]:
    """Logistic function of each score, in the score's floating-point type."""
    # A score far below zero has a share of zero, and its power is infinite.
    with np.errstate(over="ignore"):
        shares: NDArray[Any] = 1.0 / (1.0 + np.exp(-scores))
    return shares
