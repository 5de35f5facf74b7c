"""Methods transcribed from the papers as plain loops and matrices: slow, and easy to check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# From many inputs at a time, (N, ...), to the score of each.
Score = Callable[[np.ndarray], np.ndarray]
Size = tuple[int, int]


def slope(score: Score, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Derivative of a scalar with respect to every element, by central differences."""
    shifts = step * np.eye(x.size).reshape(-1, *x.shape)
    return ((score(x + shifts) - score(x - shifts)) / (2 * step)).reshape(x.shape)


def saliency(score: Score, x: np.ndarray) -> np.ndarray:
    """Simonyan et al. 2013, section 3.1: M_ij = max_c abs(w_cij), for x of shape (C, H, W)."""
    w = slope(score, x)
    channels, height, width = x.shape
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            result[i, j] = max(abs(w[c, i, j]) for c in range(channels))
    return result


def gradient_x_input(score: Score, x: np.ndarray) -> np.ndarray:
    """Shrikumar et al. 2016: x dS/dx."""
    return x * slope(score, x)


def integrated_gradients(
    score: Score, x: np.ndarray, start: np.ndarray, steps: int = 200
) -> np.ndarray:
    """Sundararajan et al. 2017, equation 3, with the sum taken at the middle of each step."""
    total = np.zeros(x.shape)
    for k in range(steps):
        total += slope(score, start + (k + 0.5) / steps * (x - start))
    return (x - start) * total / steps


def cam(maps: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Zhou et al. 2016, equation 2: M_c(i, j) = sum_k w_k A_k(i, j)."""
    channels, height, width = maps.shape
    result = np.zeros((height, width))
    for k in range(channels):
        for i in range(height):
            for j in range(width):
                result[i, j] += weight[k] * maps[k, i, j]
    return result


def grad_cam(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Selvaraju et al. 2017, equations 1 and 2, before the ReLU."""
    channels, height, width = maps.shape
    alpha = [slopes[k].sum() / (height * width) for k in range(channels)]
    return cam(maps, np.array(alpha))


def occlusion(
    score: Score, x: np.ndarray, absent: np.ndarray, window: Size, stride: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Zeiler & Fergus 2014, section 4.2, for x of shape (C, H, W).

    Returns the mean fall of the score over the windows that cover each pixel, and the score
    for each window position. The last window of a row or column is cut off by the border.
    """
    _, height, width = x.shape
    tops = [0]
    while tops[-1] + window[0] < height:
        tops.append(tops[-1] + stride[0])
    lefts = [0]
    while lefts[-1] + window[1] < width:
        lefts.append(lefts[-1] + stride[1])
    base = score(x[None])[0]
    scores = np.zeros((len(tops), len(lefts)))
    falls: list[list[list[float]]] = [[[] for _ in range(width)] for _ in range(height)]
    for a, top in enumerate(tops):
        for b, left in enumerate(lefts):
            covered = x.copy()
            inside = [
                (i, j)
                for i in range(top, min(top + window[0], height))
                for j in range(left, min(left + window[1], width))
            ]
            for i, j in inside:
                covered[:, i, j] = absent[:, i, j]
            scores[a, b] = score(covered[None])[0]
            for i, j in inside:
                falls[i][j].append(base - scores[a, b])
    mean = [[sum(f) / len(f) for f in row] for row in falls]
    return np.array(mean), scores


def _sign(z: float) -> float:
    return 1.0 if z >= 0 else -1.0


def lrp_epsilon(
    W: np.ndarray, b: np.ndarray, x: np.ndarray, R: np.ndarray, epsilon: float
) -> np.ndarray:
    """Bach et al. 2015, equation 58, for y = W x + b with flat x and y."""
    result = np.zeros(len(x))
    for j in range(len(R)):
        z = sum(W[j, i] * x[i] for i in range(len(x))) + b[j]
        for i in range(len(x)):
            result[i] += W[j, i] * x[i] / (z + epsilon * _sign(z)) * R[j]
    return result


def lrp_z_plus(
    W: np.ndarray, b: np.ndarray, x: np.ndarray, R: np.ndarray, stabilizer: float
) -> np.ndarray:
    """Bach et al. 2015, equation 60, with alpha = 1 and beta = 0, for y = W x + b."""
    result = np.zeros(len(x))
    for j in range(len(R)):
        parts = [max(0.0, W[j, i] * x[i]) for i in range(len(x))]
        z = sum(parts) + max(0.0, b[j])
        for i in range(len(x)):
            result[i] += parts[i] / (z + stabilizer) * R[j]
    return result
