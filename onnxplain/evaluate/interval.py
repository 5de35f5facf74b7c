"""How sure a mean over pictures is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RESAMPLES, _CONFIDENCE = 2000, 0.95


def bootstrap_interval(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """95 % percentile interval of the mean, from pictures drawn again with replacement.

    Parameters
    ----------
    values : (N,) array
        One number for each picture.
    seed : int
        Of the draws. Each call begins anew, so that the interval of one row does not depend
        on the others.
    """
    rng, count = np.random.default_rng(seed), len(values)
    # One resample at a time: all at once they would take gigabytes on a large data set.
    means = [values[rng.integers(count, size=count)].mean() for _ in range(_RESAMPLES)]
    tail = 50 * (1 - _CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)
