"""Exact tests of paired differences and of ranks, and corrections for many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray


def signed_rank(differences: NDArray[np.float64] | Sequence[float]) -> float:
    """Chance of ranks as high as these if each difference were as likely of the other sign.

    Parameters
    ----------
    differences : (N,) array
        One for each picture; zeros say nothing and are dropped, equal sizes share their ranks.

    Returns
    -------
    float
        One-sided p-value, small where the differences are positive; exact, from the distribution
        of the sum of positive ranks over all signs. 1 where nothing is left.

    References
    ----------
    Wilcoxon 1945; ties as in Pratt, Gibbons 1981, chapter 3, with the ranks that there are.
    """
    found = np.asarray(differences, np.float64)
    found = found[found != 0]
    if not len(found):
        return 1.0
    # Doubled, ranks that are shared are whole numbers too.
    ranks = np.round(2 * scipy.stats.rankdata(np.abs(found))).astype(int)
    chances = np.zeros(ranks.sum() + 1)
    chances[0] = 1.0
    for rank in ranks:
        with_it = np.zeros_like(chances)
        with_it[rank:] = chances[: len(chances) - rank]
        chances = (chances + with_it) / 2
    return float(min(1.0, chances[ranks[found > 0].sum() :].sum()))


def rank_among(value: float, controls: NDArray[np.float64] | Sequence[float]) -> float:
    """Chance of a value as high among controls that it is exchangeable with.

    Parameters
    ----------
    value : float
        Of the map.
    controls : (K,) array
        Of the controls; one as high counts against the map.

    Returns
    -------
    float
        (1 + controls at or above it) / (1 + controls), one-sided.

    References
    ----------
    Phipson, Smyth 2010, "Permutation p-values should never be zero".
    """
    found = np.asarray(controls, np.float64)
    return float((1 + np.count_nonzero(found >= value)) / (1 + len(found)))


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests, so that any false one among them is as rare as one.

    Parameters
    ----------
    chances : sequence of float
        P-values, in any order; the tests may depend on each other.

    Returns
    -------
    list of float
        In the same order, at most 1.

    References
    ----------
    Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [1.0] * len(chances)
    highest = 0.0
    for place, k in enumerate(sorted(range(len(chances)), key=lambda k: chances[k])):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[k]))
        adjusted[k] = highest
    return adjusted


def share_interval(count: int, of: int) -> tuple[float, float]:
    """95 % interval of a share, exact.

    Parameters
    ----------
    count, of : int
        How often, of how many independent cases.

    References
    ----------
    Clopper, Pearson 1934.
    """
    found = scipy.stats.binomtest(count, of).proportion_ci(0.95, "exact")
    return float(found.low), float(found.high)
