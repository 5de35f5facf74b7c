"""The path of guided integrated gradients, as its paper describes it: in input space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def guided_path(
    x: np.ndarray,
    baseline: np.ndarray,
    slope: Callable[[np.ndarray], np.ndarray],
    steps: int,
    share: float,
    max_distance: float,
) -> list[np.ndarray]:
    """Return the points of the path from the baseline to the picture, both included."""
    point = baseline.astype(float)
    points = [point.copy()]
    whole = np.abs(x - baseline).sum()
    for k in range(1, steps + 1):
        size = np.abs(slope(point)).astype(float)
        low = baseline + max(k / steps - max_distance, 0) * (x - baseline)
        high = baseline + min(k / steps + max_distance, 1) * (x - baseline)
        # Whatever is behind the lower limit moves to it.
        behind = np.abs(point - baseline) < np.abs(low - baseline)
        point = np.where(behind, low, point)
        size[np.isclose(point, high, rtol=1e-13, atol=1e-13)] = np.inf
        for _ in range(size.size):
            missing = np.abs(x - point).sum() - whole * (1 - k / steps)
            if missing <= 1e-12 * whole or np.isinf(size).all():
                break
            ranked = np.sort(size.ravel())
            chosen = (size <= ranked[int(share * (size.size - 1))]) & np.isfinite(size)
            room = np.abs(high - point)[chosen].sum()
            part = min(missing / room, 1.0)
            point = np.where(chosen, point + part * (high - point), point)
            size[chosen] = np.inf
        points.append(point.copy())
    return points
