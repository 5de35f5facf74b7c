"""The Hilbert-Schmidt independence criterion between choices of regions and scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Distances of so many scores are enough for their median, and few enough to keep.
_SEEN = 128
# Rows of the kernel matrix in memory at a time.
_ROWS = 128


def dependence(kept: NDArray[np.bool_], scores: Array, width: float) -> tuple[Array, Array]:
    """HSIC of each region by Gretton et al. 2005 (definition 2, over N^2), and its standard error.

    With z of 0 and 1, the kernel 1/2 - (z - z')^2 is 2 z z' up to terms that the means take away,
    so that no matrix of the regions is needed.

    Parameters
    ----------
    kept : (N, d) bool array
        The choices.
    scores : (N,) array
        Scores under them.
    width : float
        Standard deviation of the scores' Gaussian kernel; with 0, every region has 0.

    Returns
    -------
    (d,) array
        Not negative, up to rounding.
    (d,) array
        Standard errors of first order; NaN for a single sample.
    """
    count, regions = kept.shape
    if not width:
        return np.zeros(regions), np.full(regions, np.nan if count < 2 else 0.0)
    blocks = [slice(first, first + _ROWS) for first in range(0, count, _ROWS)]
    means = kept.mean(axis=0)
    sums = np.zeros((5, regions))
    for rows in blocks:
        met = np.zeros((len(scores[rows]), regions))
        for columns in blocks:
            apart = (scores[rows, None] - scores[columns]) / width
            met += np.exp(-(apart**2) / 2) @ (kept[columns] - means)
        centred = kept[rows] - means
        products = centred * met
        powers = (products, products**2, centred * products, centred**2, met)
        sums += [power.sum(axis=0) for power in powers]
    # Of each sample's part c (m - mean m), where c is centred: mean and mean square.
    part, squared, mixed, spread, mean = sums / count
    squared = squared - 2 * mean * mixed + mean**2 * spread
    errors = np.full(regions, np.nan)
    if count > 1:
        variance = np.maximum(squared - part**2, 0.0) / (count - 1)
        errors = 4 / count * np.sqrt(variance)
    return 2 / count * part, errors


def median_distance(scores: Array) -> float:
    """Median distance between the first scores, or their mean distance if that is zero."""
    seen = scores[:_SEEN]
    apart = np.abs(seen[:, None] - seen)[np.triu_indices(len(seen), 1)]
    if not apart.size:
        return 0.0
    return float(np.median(apart) or apart.mean())
