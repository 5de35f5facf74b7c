"""Relevance rules transcribed from their papers, as loops over a matrix: slow, easy to check.

Every rule is for y = W x + b with flat x and y.
"""

from __future__ import annotations

import numpy as np
from reference import lrp_epsilon, lrp_z_plus

Array = np.ndarray


def _shared(z: Array, offset: Array, R: Array, stabilizer: float) -> Array:
    """Share R_j over i by z[j, i] / (sum_i z[j, i] + offset[j])."""
    result = np.zeros(z.shape[1])
    for j in range(len(R)):
        total = sum(z[j]) + offset[j]
        total += stabilizer if total >= 0 else -stabilizer
        for i in range(z.shape[1]):
            result[i] += z[j, i] / total * R[j]
    return result


def alpha_beta(
    W: Array, b: Array, x: Array, R: Array, alpha: float, beta: float, stabilizer: float
) -> Array:
    """Bach et al. 2015, equation 60."""
    z = W * x
    raising = _shared(np.maximum(z, 0), np.maximum(b, 0), R, stabilizer)
    lowering = _shared(np.minimum(z, 0), np.minimum(b, 0), R, stabilizer)
    return alpha * raising - beta * lowering


def gamma(W: Array, b: Array, x: Array, R: Array, factor: float, stabilizer: float) -> Array:
    """Montavon et al. 2019, section 10.2.3, for positive x and y; mirrored for others."""
    result = np.zeros(len(x))
    for j in range(len(R)):
        y = W[j] @ x + b[j]
        sign = np.sign(y)
        if sign == 0:
            continue
        parts = []
        for i in range(len(x)):
            z = W[j, i] * x[i]
            parts.append(z * (1 + factor) if z * sign > 0 else z)
        bias = b[j] * (1 + factor) if b[j] * sign > 0 else b[j]
        total = sum(parts) + bias
        total += stabilizer if total >= 0 else -stabilizer
        for i in range(len(x)):
            result[i] += parts[i] / total * R[j]
    return result


def z_box(
    W: Array, b: Array, x: Array, R: Array, low: Array, high: Array, stabilizer: float
) -> Array:
    """Montavon et al. 2017, equation 14; the bias goes through the same three terms."""
    z = W * x - np.maximum(W, 0) * low - np.minimum(W, 0) * high
    offset = b - np.maximum(b, 0) - np.minimum(b, 0)
    return _shared(z, offset, R, stabilizer)


def w_square(W: Array, b: Array, x: Array, R: Array, stabilizer: float) -> Array:
    """Montavon et al. 2017, equation 12."""
    return _shared(W**2, b**2, R, stabilizer)


def flat(support: Array, R: Array, stabilizer: float) -> Array:
    """Lapuschkin et al. 2019: evenly over the inputs that each output can see."""
    return _shared(support, np.zeros(len(R)), R, stabilizer)


__all__ = ["alpha_beta", "flat", "gamma", "lrp_epsilon", "lrp_z_plus", "w_square", "z_box"]
