"""How sure a mean over pictures is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RESAMPLES, _CONFIDENCE = 2000, 0.95


def bootstrap_interval(
    values: NDArray[np.float64], seed: int, pictures: Sequence[str] = ()
) -> tuple[float, float]:
    """95 % percentile interval of the mean, from pictures drawn again with replacement.

    Parameters
    ----------
    values : (N,) array
        One number for each picture, or for each box in a picture.
    seed : int
        Of the draws. Each call begins anew, so that the interval of one row does not depend
        on the others.
    pictures : sequence of str
        The picture of each number, where there are several of one: boxes of one picture are
        not drawn one by one, since they are alike.
    """
    rng = np.random.default_rng(seed)
    sums: NDArray[Any] = values
    sizes: NDArray[Any] = np.ones(len(values))
    if len(set(pictures)) < len(pictures):
        _, of = np.unique(np.asarray(pictures), return_inverse=True)
        sums, sizes = np.bincount(of, values), np.bincount(of, np.ones(len(of)))
    count = len(sums)
    # One resample at a time: all at once they would take gigabytes on a large data set.
    draws = (rng.integers(count, size=count) for _ in range(_RESAMPLES))
    means = [float(sums[drawn].sum() / sizes[drawn].sum()) for drawn in draws]
    tail = 50 * (1 - _CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)
