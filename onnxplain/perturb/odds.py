"""Log-odds of probabilities that may be 0 or 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def log_odds(probability: Array, count: int, classes: int) -> Array:
    """Binary logarithm of the odds, after Laplace's correction.

    Parameters
    ----------
    probability : array
        p.
    count : int
        N: p counts as that share of N observations. It becomes (p N + 1) / (N + K).
    classes : int
        K.

    Returns
    -------
    array
        In bits.
    """
    corrected = (probability * count + 1) / (count + classes)
    return np.asarray(np.log2(corrected / (1 - corrected)))


def log_odds_slope(probability: Array, count: int, classes: int) -> Array:
    """Derivative of `log_odds`."""
    corrected = (probability * count + 1) / (count + classes)
    return np.asarray(count / (count + classes) / (corrected * (1 - corrected) * np.log(2)))
