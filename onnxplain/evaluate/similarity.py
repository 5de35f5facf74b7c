"""How alike are two maps of the same size?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import scale

_WINDOW = 7


def spearman(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Rank correlation of two maps, in [-1, 1]; 0 where one of them is constant."""
    a, b = _pair(first, second)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(mean_ranks(a), mean_ranks(b))[0, 1])


def mean_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Rank of each number, from 1 on, in one row; equal numbers share the mean of theirs.

    All are NaN if one number is. ``scipy.stats`` has this too, but whoever audits one model would
    wait longer for its import than for the ranks of hundreds of maps.
    """
    flat = np.asarray(values, np.float64).ravel()
    if np.isnan(flat).any():
        return np.full(flat.size, np.nan)
    _, place, counts = np.unique(flat, return_inverse=True, return_counts=True)
    found: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return found


def cosine(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Cosine of the angle between two maps, in [-1, 1]; 0 where one of them is zero."""
    a, b = _pair(first, second)
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.vdot(a, b) / norm) if norm else 0.0


def top_overlap(first: NDArray[Any], second: NDArray[Any], share: float = 0.1) -> float:
    """Share of the strongest pixels of one map that are among the strongest of the other.

    Parameters
    ----------
    first, second : (H, W) array
        The maps.
    share : float
        How many pixels count as the strongest, in (0, 1].

    Returns
    -------
    float
        In [0, 1]; unrelated maps reach `share`.
    """
    a, b = _pair(first, second)
    count = max(1, round(share * a.size))
    tops = [set(np.argsort(-m, axis=None, kind="stable")[:count].tolist()) for m in (a, b)]
    return len(tops[0] & tops[1]) / count


def ssim(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Structural similarity of two maps, each scaled to [0, 1] by its own extremes.

    Parameters
    ----------
    first, second : (H, W) array
        The maps, at least 7 pixels high and wide.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment"; computed by
    scikit-image with its uniform windows of 7 x 7.
    """
    from skimage.metrics import structural_similarity

    a, b = (scale(m, "minmax") for m in _pair(first, second))
    if min(a.shape) < _WINDOW:
        raise UsageError(f"structural similarity needs maps of {_WINDOW} x {_WINDOW} or more")
    return float(structural_similarity(a, b, win_size=_WINDOW, data_range=1.0))


def _pair(
    first: NDArray[Any], second: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape:
        raise UsageError(f"maps of shapes {a.shape} and {b.shape} cannot be compared")
    return a, b
