"""The few features that tell whether a picture belongs to a class.

The mu-LASSO of Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, equation 1: for each class
j, minimise ``||X w - l_j||^2`` context to ``||w||_1 <= mu``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError, UsageError
from onnxplain.features.projected_gradient import descend, duality_gap

# Largest duality gap that counts as solved, as a share of the objective at w = 0.
TOLERANCE = 1e-8
_FIRST_STEPS = 64
# Weights below this share of mu are rounding, as in the authors' code.
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Lasso:
    """A solution with the proof of how good it is.

    Attributes
    ----------
    weights : (m,) float64 array
        The solution; most are exactly zero.
    objective : float
        ``||X w - l||^2``.
    gap : float
        Upper bound on how far the objective is above the smallest possible one.
    stationarity : float
        How far the condition of Karush, Kuhn and Tucker is missed: largest distance of
        the gradient at a selected feature from ``-lambda sign(w)``, as a share of lambda.
    """

    weights: NDArray[np.float64]
    objective: float
    gap: float
    stationarity: float


def mu_lasso(X: NDArray[Any], labels: NDArray[Any], mu: float) -> Lasso:
    """Solve one class by following the path of least-angle regression up to ``mu``.

    The path is linear between its knots (Efron et al. 2004), so the solution is exact. Where
    features are twins or almost so, the path can go astray: the duality gap tells, and
    projected gradients then lead to the solution.

    Parameters
    ----------
    X : (N, m) array
        One row of responses for each picture.
    labels : (N,) array
        1 for pictures of the class, 0 for others.
    mu : float
        Largest sum of magnitudes of the weights.

    Returns
    -------
    Lasso

    Raises
    ------
    UsageError
        If scikit-learn is missing or `mu` is not above 0.
    NumericalError
        If neither reaches it, as where the constraint is so loose that almost every picture
        is fitted.
    """
    if not mu > 0:
        raise UsageError(f"mu is {mu}; it must be above 0")
    X, y = np.asarray(X, np.float64), np.asarray(labels, np.float64)
    weights = _on_path(X, y, mu)
    allowed = TOLERANCE * float(y @ y)
    if duality_gap(X, y, weights, mu) > allowed:
        weights = descend(X, y, weights, mu, allowed)
    weights = np.where(np.abs(weights) > _SMALLEST * mu, weights, 0.0)
    gap = duality_gap(X, y, weights, mu)
    if gap > allowed:
        raise NumericalError(
            f"the mu-LASSO for mu {mu:g} was not solved: its duality gap is {gap:.2g}; almost "
            "every picture is fitted, choose a smaller mu"
        )
    error = X @ weights - y
    slope = 2 * (error @ X)
    steepest = float(np.abs(slope).max(initial=0.0))
    selected = weights != 0
    missed = np.abs(slope[selected] + steepest * np.sign(weights[selected]))
    inside = np.abs(weights).sum() < mu * (1 - 1e-9)
    scale = steepest if steepest > 0 and not inside else 1.0
    return Lasso(weights, float(error @ error), gap, float(missed.max(initial=0.0)) / scale)


def _on_path(X: NDArray[np.float64], y: NDArray[np.float64], mu: float) -> NDArray[np.float64]:
    """Weights at the place of the path where their magnitudes add up to `mu`."""
    from sklearn.linear_model import lars_path

    # A filter that never answers has no direction; LARS would divide by its length.
    live = np.flatnonzero(np.abs(X).max(axis=0, initial=0.0) > 0)
    weights = np.zeros(X.shape[1])
    if not live.size or not y.any():
        return weights
    data = X if live.size == X.shape[1] else X[:, live]
    steps, knots = _FIRST_STEPS, 0
    while True:
        with warnings.catch_warnings():
            # Twins among the features are dropped with a warning; the gap is checked.
            warnings.simplefilter("ignore")
            _, _, path = lars_path(data, y, method="lasso", max_iter=steps)
        sums = np.abs(path).sum(axis=0)
        if sums[-1] >= mu or path.shape[1] == knots:
            break
        steps, knots = 2 * steps, path.shape[1]
    knot = int(np.searchsorted(sums, mu))
    if knot == len(sums):  # the least-squares solution lies within the constraint
        weights[live] = path[:, -1]
    else:
        share = (mu - sums[knot - 1]) / (sums[knot] - sums[knot - 1])
        weights[live] = (1 - share) * path[:, knot - 1] + share * path[:, knot]
    return weights
