"""Linear models of a score over regions that are kept or not, with their standard errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
# A penalty of at least this share of a matrix's trace leaves half of the digits, or more.
_FIRM = 1e-8


def weighted_ridge(
    kept: NDArray[np.bool_], scores: Vector, weights: Vector, alpha: float
) -> tuple[Vector, Vector, float]:
    """Ridge regression with sample weights; the intercept is not penalised.

    Parameters
    ----------
    kept : (M, K) bool array
        Regions kept in each sample.
    scores, weights : (M,) array
        What is fitted, and how much each sample counts.
    alpha : float
        Strength of the penalty on the sum of the squared coefficients.

    Returns
    -------
    coefficients, errors : (K,) array
        Errors are the spread of the coefficients over other draws of the samples (the
        sandwich estimator, White 1980, doi:10.2307/1912934); NaN with too few samples.
    fit : float
        Share of the weighted variance of the scores that the model explains.
    """
    count, regions = kept.shape
    share = weights / weights.sum()
    centred = kept.astype(np.float64)
    centred -= share @ centred
    # Around one of them, equal scores leave nothing, not even rounding.
    around = scores - scores[0]
    wanted = around - share @ around
    weighted = centred * weights[:, None]
    inverse = _inverse(weighted.T @ centred, alpha)
    coefficients = inverse @ (weighted.T @ wanted)
    residuals = wanted - centred @ coefficients
    weighted *= residuals[:, None]
    errors = _spread(inverse @ weighted.T, count - regions - 1)
    variance = float(share @ wanted**2)
    fit = 1.0 - float(share @ residuals**2) / variance if variance > 0 else 0.0
    return coefficients, errors, fit


def constrained_shapley(
    kept: NDArray[np.bool_], scores: Vector, empty: float, full: float
) -> tuple[Vector, Vector]:
    """Least squares whose coefficients add up to ``full - empty``.

    With samples from the Shapley kernel these are estimates of Shapley values (Lundberg, Lee
    2017, arXiv:1705.07874). The last coefficient is what the others leave of the sum.

    Parameters
    ----------
    kept : (M, K) bool array
        Regions kept, in pairs of a choice and its complement; a single last row is left out.
    scores : (M,) array
        Their scores.
    empty, full : float
        Scores with no region and with all regions.

    Returns
    -------
    coefficients, errors : (K,) array
        Errors as in `weighted_ridge`; a pair counts as one sample.
    """
    pairs, change = len(kept) // 2, full - empty
    regions = kept.shape[1]
    if regions == 1:
        return np.array([change]), np.zeros(1)
    z = kept[: 2 * pairs].astype(np.float64)
    contrasts = z[:, :-1] - z[:, -1:]
    wanted = scores[: 2 * pairs] - empty - z[:, -1] * change
    inverse = np.linalg.pinv(contrasts.T @ contrasts, hermitian=True)
    free = inverse @ (contrasts.T @ wanted)
    residuals = wanted - contrasts @ free
    pulls = inverse @ (contrasts.T * residuals).reshape(regions - 1, pairs, 2).sum(axis=2)
    pulls = np.concatenate([pulls, -pulls.sum(axis=0, keepdims=True)])
    return np.append(free, change - free.sum()), _spread(pulls, pairs - regions + 1)


def exact_shapley(scores: Vector) -> Vector:
    """Shapley values from the scores of all choices of regions.

    Parameters
    ----------
    scores : (2^K,) array
        In the order of `onnxplain.perturb.coalitions.every`.

    Returns
    -------
    (K,) array
    """
    regions = int(math.log2(len(scores)))
    numbers = np.arange(len(scores))
    sizes = np.array([int(n).bit_count() for n in numbers])
    weight = np.array([1.0 / (regions * math.comb(regions - 1, s)) for s in range(regions)])
    values = np.empty(regions)
    for region in range(regions):
        without = numbers[(numbers >> region) % 2 == 0]
        gains = scores[without + (1 << region)] - scores[without]
        values[region] = (weight[sizes[without]] * gains).sum()
    return values


def _inverse(moment: Vector, alpha: float) -> Vector:
    """Inverse of a symmetric matrix with a penalty on its diagonal; it may have none without."""
    penalised = moment + alpha * np.eye(len(moment))
    if alpha <= _FIRM * np.trace(moment):
        return np.asarray(np.linalg.pinv(penalised, hermitian=True))
    return np.asarray(np.linalg.inv(penalised))  # a fifth of the time


def _spread(pulls: Vector, freedom: int) -> Vector:
    """Standard errors from what each sample adds to each coefficient, on axis 1."""
    count = pulls.shape[1]
    if freedom < 1:
        return np.full(len(pulls), np.nan)
    return np.asarray(np.sqrt(pulls.var(axis=1) * count * count / freedom))
