"""Least squares within a ball of the L1 norm, by accelerated projected gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_STEPS = 50_000
# Steps between two looks at the duality gap.
_LOOK = 50


def project_to_l1_ball(v: Vector, radius: float) -> Vector:
    """Nearest point whose magnitudes add up to `radius` at most.

    Duchi, Shalev-Shwartz, Singer, Chandra 2008, "Efficient projections onto the l1-ball
    for learning in high dimensions", figure 1.
    """
    magnitudes = np.abs(v)
    if magnitudes.sum() <= radius:
        return v
    ordered = np.sort(magnitudes)[::-1]
    excess = np.cumsum(ordered) - radius
    counts = np.arange(1, len(v) + 1)
    last = int(np.flatnonzero(ordered * counts > excess)[-1])
    return np.sign(v) * np.maximum(magnitudes - excess[last] / (last + 1), 0.0)


def duality_gap(X: Vector, y: Vector, w: Vector, radius: float) -> float:
    """Upper bound on how far ``||X w - y||^2`` is above its minimum within the ball."""
    slope = 2 * ((X @ w - y) @ X)
    return max(float(slope @ w) + radius * float(np.abs(slope).max(initial=0.0)), 0.0)


def descend(X: Vector, y: Vector, start: Vector, radius: float, tolerance: float) -> Vector:
    """Go down from `start` until the duality gap is below `tolerance`.

    FISTA (Beck, Teboulle 2009) that starts anew where it overshoots (O'Donoghue, Candes
    2015). After 50,000 steps it returns what it has.
    """
    length = 1.0 / max(2 * float(np.linalg.norm(X, 2)) ** 2, 1e-300)
    w = ahead = project_to_l1_ball(start, radius)
    momentum = 1.0
    for k in range(_STEPS):
        if k % _LOOK == 0 and duality_gap(X, y, w, radius) <= tolerance:
            break
        slope = 2 * ((X @ ahead - y) @ X)
        new = project_to_l1_ball(ahead - length * slope, radius)
        if float((ahead - new) @ (new - w)) > 0:
            momentum, ahead = 1.0, new
        else:
            grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead, momentum = new + (momentum - 1) / grown * (new - w), grown
        w = new
    return w
