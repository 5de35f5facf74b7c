"""Mean average precision of boxes, as PASCAL VOC counts it since 2010."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mean_average_precision(
    found: Sequence[Array], truths: Sequence[NDArray[np.int64]], classes: int, least: float = 0.5
) -> tuple[float, Array]:
    """Mean over the classes, and that of each.

    Parameters
    ----------
    found : sequence of (M, 6) array
        For each picture: left, top, right, bottom, score and class of the boxes found.
    truths : sequence of (T, 5) array
        For each picture: left, top, right, bottom and class of its objects.
    classes : int
        Number of classes.
    least : float
        Overlap (intersection over union) from which a box is one of an object.
    """
    each = np.array([average_precision(found, truths, label, least) for label in range(classes)])
    return float(each.mean()), each


def average_precision(
    found: Sequence[Array], truths: Sequence[NDArray[np.int64]], label: int, least: float = 0.5
) -> float:
    """Area below the curve of precision over recall, with precision made monotone.

    Boxes are taken by falling score over all pictures. Each is right if the object of its class
    that it overlaps most is overlapped enough and not taken by a stronger box.
    """
    boxes = [
        (row[4], k, row[:4]) for k, rows in enumerate(found) for row in rows if row[5] == label
    ]
    objects = [rows[rows[:, 4] == label, :4] for rows in truths]
    taken = [np.zeros(len(rows), bool) for rows in objects]
    right = []
    for _, picture, box in sorted(boxes, key=lambda b: -b[0]):
        overlap = overlaps(objects[picture], box)
        best = int(overlap.argmax()) if len(overlap) else -1
        hit = best >= 0 and overlap[best] >= least and not taken[picture][best]
        if hit:
            taken[picture][best] = True
        right.append(hit)
    total = sum(map(len, objects))
    if not total or not right:
        return 0.0
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(hits / total, prepend=0.0)
    return float((precision * steps).sum())


def overlaps(boxes: NDArray[np.int64], box: Array) -> Array:
    """Intersection over union of boxes (T, 4) with one box (4,)."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / (areas - shared))
