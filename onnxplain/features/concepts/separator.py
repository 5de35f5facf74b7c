"""The direction in which two sets of vectors differ, by logistic regression with a ridge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError

_STEPS = 100
# Length of the gradient at which Newton's method ends, and how often a step is halved.
_SMALL, _HALVED = 1e-12, 40
# Coordinates below this share of the largest are rounding.
_RANK = 1e-7


def separating_direction(
    vectors: NDArray[Any], positive: NDArray[np.bool_], ridge: float = 0.01
) -> tuple[NDArray[np.float64], float]:
    """Fit the direction and the threshold that tell one set of vectors from another.

    The minimum of ``mean(log(1 + exp(-s (w x + b)))) + ridge / 2 |w|^2`` with s = 1 for one set
    and -1 for the other, over vectors that are centred and divided by their mean distance from
    the centre, so that `ridge` has no unit. Newton's method in the space that the vectors span:
    nothing is drawn, and dimensions cost little.

    Parameters
    ----------
    vectors : (n, D) array
        Both sets.
    positive : (n,) bool array
        Which are of the first set.
    ridge : float
        Strength of the penalty.

    Returns
    -------
    (D,) float64 array
        The direction, of length one, towards the first set.
    float
        Threshold: a vector x is taken for one of the first set if ``direction @ x`` is above it.

    Raises
    ------
    UsageError
        If one set is empty, the ridge is not positive, or all vectors are the same.
    """
    if not (positive.any() and not positive.all() and ridge > 0):
        raise UsageError("two sets of vectors and a ridge above 0 are needed")
    x = np.asarray(vectors, np.float64)
    centre = x.mean(axis=0)
    x = x - centre
    scale = float(np.sqrt((x**2).sum(axis=1).mean()))
    if scale <= _RANK * max(float(np.linalg.norm(centre)), np.finfo(np.float64).tiny):
        raise UsageError("all vectors are the same: nothing tells the two sets apart")
    x /= scale
    squares, axes = np.linalg.eigh(x @ x.T)
    kept = squares > (_RANK**2) * squares.max()
    sizes, axes = np.sqrt(squares[kept]), axes[:, kept]
    weights, offset = _newton(axes * sizes, np.where(positive, 1.0, -1.0), ridge)
    direction = x.T @ (axes @ (weights / sizes))
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise UsageError("the two sets of vectors have the same mean: no direction separates them")
    direction /= length
    return direction, float(direction @ centre) - offset * scale / length


def _newton(
    z: NDArray[np.float64], signs: NDArray[np.float64], ridge: float
) -> tuple[NDArray[np.float64], float]:
    """Minimum over weights and offset; the offset is not penalised."""
    rows = np.concatenate([z, np.ones((len(z), 1))], axis=1)
    penalty = np.append(np.full(z.shape[1], ridge), 0.0)
    found = np.zeros(rows.shape[1])

    def loss(w: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -signs * (rows @ w)).mean() + penalty @ w**2 / 2)

    for _ in range(_STEPS):
        wrong = 1 / (1 + np.exp(np.clip(signs * (rows @ found), -500, 500)))
        slope = -(signs * wrong) @ rows / len(rows) + penalty * found
        if np.linalg.norm(slope) <= _SMALL:
            break
        curve = (rows.T * (wrong * (1 - wrong))) @ rows / len(rows) + np.diag(penalty)
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        before, share = loss(found), 1.0
        for _ in range(_HALVED):
            if loss(found - share * step) <= before:
                break
            share /= 2
        found = found - share * step
    return found[:-1], float(found[-1])
