"""How much boxes overlap, and which are left where they overlap too much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def iou(boxes: Array, box: Array) -> Array:
    """Intersection over union of boxes with one box.

    Parameters
    ----------
    boxes : (..., 4, P) array
        Left, top, right and bottom; a box whose sides are crossed is empty.
    box : (4,) array
        The one that they are compared with.

    Returns
    -------
    (..., P) array
        In 0..1; zero where both are empty.
    """
    left, top, right, bottom = np.moveaxis(boxes, -2, 0)
    width = np.clip(np.minimum(right, box[2]) - np.maximum(left, box[0]), 0, None)
    height = np.clip(np.minimum(bottom, box[3]) - np.maximum(top, box[1]), 0, None)
    shared = width * height
    own = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
    other = max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
    union = own + other - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def suppress(
    boxes: Array, scores: Array, labels: NDArray[np.int64], threshold: float, most: int
) -> list[int]:
    """Keep the strongest boxes of each label that overlap none that is kept.

    Greedy, as in torchvision's ``batched_nms``: a box goes if its overlap with a stronger one
    of its label is above the threshold.

    Parameters
    ----------
    boxes : (4, P) array
        Left, top, right and bottom.
    scores, labels : (P,) array
        Of each.
    threshold : float
        Largest overlap (intersection over union) that stays.
    most : int
        Boxes that are kept at most.

    Returns
    -------
    list of int
        The strongest first; of equal ones the first.
    """
    kept: list[int] = []
    left = np.argsort(-scores, kind="stable")
    while len(left) and len(kept) < most:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        same = labels[left] == labels[first]
        left = left[~(same & (iou(boxes[:, left], boxes[:, first]) > threshold))]
    return kept
