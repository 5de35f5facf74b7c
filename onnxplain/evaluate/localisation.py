"""Does a map point at the place where the evidence is known to be?

Every measure takes a map of one value per pixel and a mask of the same size. Only what
speaks for the target can point at it: negative values count as zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.evaluate.similarity import mean_ranks

# Of the shorter side: 15 pixels of 224, as Zhang et al. 2018 (arXiv:1608.00507) allow.
_TOLERANCE = 15 / 224


def thresholds(count: int = 20) -> NDArray[np.float64]:
    """Return `count` thresholds at equal distances strictly between 0 and 1."""
    return np.arange(1, count + 1) / (count + 1)


def iou_curve(
    heatmap: NDArray[Any], mask: NDArray[Any], at: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Intersection over union of the mask and the map cut at each threshold.

    Parameters
    ----------
    heatmap : (H, W) array
        The map; its positive part is divided by its maximum.
    mask : (H, W) bool array
        Where the evidence is.
    at : (T,) array, optional
        Thresholds in (0, 1]; `thresholds()` if not given.

    Returns
    -------
    (T,) array
        In [0, 1]; all zero for a map without a positive value.

    Raises
    ------
    UsageError
        If sizes differ or the mask is empty.

    References
    ----------
    Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 5.
    """
    evidence, mask = _checked(heatmap, mask)
    at = thresholds() if at is None else np.asarray(at, np.float64)
    top = evidence.max()
    if top == 0:
        return np.zeros(len(at))
    kept = (evidence / top)[None] >= at[:, None, None]
    shared = (kept & mask).sum(axis=(1, 2))
    return shared / (kept | mask).sum(axis=(1, 2))


def mean_iou(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Mean of `iou_curve` over the thresholds."""
    return float(iou_curve(heatmap, mask).mean())


def best_iou(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Largest value of `iou_curve`: what a threshold chosen with the mask in view reaches."""
    return float(iou_curve(heatmap, mask).max())


def iou_at_area(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Intersection over union when the map is cut to as many pixels as the mask has."""
    _, mask = _checked(heatmap, mask)
    shared = rank_accuracy(heatmap, mask) * mask.sum()
    return float(shared / (2 * mask.sum() - shared))


def rank_accuracy(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Share of the mask among the K strongest pixels, K being the mask's area.

    Pixels without positive evidence never count as found; ties are broken by position.

    References
    ----------
    Arras, Osman, Samek 2022, arXiv:2003.07258 (relevance rank accuracy).
    """
    return top_share(heatmap, mask, int(np.count_nonzero(mask)))


def top_share(heatmap: NDArray[Any], mask: NDArray[Any], count: int) -> float:
    """Share of the `count` strongest pixels that lie in the mask; ties and signs as above.

    References
    ----------
    Theiner, Müller-Budack, Ewerth 2022, arXiv:2104.14995 (top-K intersection).
    """
    evidence, mask = _checked(heatmap, mask)
    strongest = np.argsort(-evidence, axis=None, kind="stable")[:count]
    found = mask.ravel()[strongest] & (evidence.ravel()[strongest] > 0)
    return float(found.sum() / count)


def energy_in_mask(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Share of all positive evidence that lies in the mask; 0 if there is none.

    References
    ----------
    Arras, Osman, Samek 2022, arXiv:2003.07258 (relevance mass accuracy).
    """
    evidence, mask = _checked(heatmap, mask)
    total = evidence.sum()
    return float(evidence[mask].sum() / total) if total else 0.0


def pointing_game(
    heatmap: NDArray[Any], mask: NDArray[Any], tolerance: float | None = None
) -> float:
    """1 if the strongest place of the map is in the mask or close to it, else 0.

    Parameters
    ----------
    heatmap : (H, W) array
        The map. Of several equal maxima the mean position counts; a map without
        positive evidence points nowhere and misses.
    mask : (H, W) bool array
        Where the evidence is.
    tolerance : float, optional
        Distance in pixels that still counts as a hit; 15 in 224 of the shorter side if
        not given.

    References
    ----------
    Zhang et al. 2018, arXiv:1608.00507, section 4.1.
    """
    evidence, mask = _checked(heatmap, mask)
    top = evidence.max()
    if top == 0:
        return 0.0
    row, column = np.argwhere(evidence == top).mean(axis=0)
    rows, columns = np.nonzero(mask)
    distance = np.hypot(rows - row, columns - column).min()
    allowed = _TOLERANCE * min(mask.shape) if tolerance is None else tolerance
    return float(distance <= allowed)


def roc_auc(heatmap: NDArray[Any], mask: NDArray[Any]) -> float:
    """Chance that a pixel of the mask has a higher value than one outside; 0.5 is chance.

    Signed values are compared as they are. 0.5 as well where the mask covers everything.
    """
    values, mask = np.asarray(heatmap, np.float64), _checked(heatmap, mask)[1]
    inside, outside = int(mask.sum()), int((~mask).sum())
    if outside == 0:
        return 0.5
    ranks = mean_ranks(values)[mask.ravel()]
    return float((ranks.sum() - inside * (inside + 1) / 2) / (inside * outside))


def smoothed(heatmap: NDArray[Any], sigma: float) -> NDArray[np.float64]:
    """Blur a map: single pixels of a gradient are not meant as places."""
    return scipy.ndimage.gaussian_filter(np.asarray(heatmap, np.float64), sigma, mode="nearest")


def _checked(
    heatmap: NDArray[Any], mask: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    evidence = np.maximum(np.asarray(heatmap, np.float64), 0.0)
    mask = np.asarray(mask).astype(bool)
    if evidence.shape != mask.shape or evidence.ndim != 2:
        raise UsageError(
            f"a map of shape {evidence.shape} cannot be compared with a mask of shape "
            f"{mask.shape}; both must be (height, width) of the model's input"
        )
    if not np.isfinite(evidence).all():
        raise UsageError("a map that holds NaN or Inf cannot be evaluated")
    if not mask.any():
        raise UsageError("the mask is empty: there is nothing to find")
    return evidence, mask
