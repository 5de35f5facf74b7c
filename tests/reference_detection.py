"""Boxes decoded and explained as the papers do it, as plain loops: slow, and easy to check.

The raw output is that of YOLOv8: (4 + K, P) with centre x, centre y, width and height in pixels,
then the score of each class.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Array = np.ndarray
# From pictures (N, 3, H, W) to raw outputs (N, 4 + K, P).
Run = Callable[[Array], Array]
# How well candidates, sides (P, 4) and class scores (P, K), match what is explained.
Similarity = Callable[[Array, Array], Array]


def candidates(raw: Array) -> tuple[Array, Array]:
    """Left, top, right and bottom (P, 4), and class scores (P, K), of all candidates."""
    rows = np.asarray(raw, np.float64).T
    sides = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in rows[:, :4]])
    return sides, rows[:, 4:]


def detections(
    raw: Array, least: float = 0.25, overlap: float = 0.45, *, every_class: bool = False
) -> Array:
    """Boxes that suppression leaves: left, top, right, bottom, score, class and candidate.

    Parameters
    ----------
    raw : (4 + K, P) array
        Output of one picture.
    least : float
        Scores have to be above it.
    overlap : float
        A box that a stronger one of its class overlaps by more goes.
    every_class : bool
        Each class of a candidate counts, as for ONNX's NonMaxSuppression; otherwise only its
        best, as Ultralytics does.

    Returns
    -------
    (M, 7) array
        The strongest first.
    """
    sides, scores = candidates(raw)
    rows = []
    for p, of_classes in enumerate(scores):
        best = [int(of_classes.argmax())]
        for k in range(len(of_classes)) if every_class else best:
            if of_classes[k] > least:
                rows.append([*sides[p], of_classes[k], k, p])
    found = np.array(rows).reshape(-1, 7)
    return found[suppress(found[:, :4], found[:, 4], found[:, 5], overlap)]


def suppress(sides: Array, scores: Array, labels: Array, overlap: float) -> list[int]:
    """Indices that torchvision's ``batched_nms`` keeps, the strongest first."""
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        rivals = [j for j in kept if labels[j] == labels[k]]
        if all(iou(sides[j], sides[k]) <= overlap for j in rivals):
            kept.append(int(k))
    return kept


def iou(a: Array, b: Array) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return float(shared / union) if union > 0 else 0.0


def class_similarity(sides: Array, label: int) -> Similarity:
    """Overlap x score of one class: defined for boxes that a person draws as well."""

    def match(boxes: Array, scores: Array) -> Array:
        return np.array([iou(sides, b) * p[label] for b, p in zip(boxes, scores, strict=True)])

    return match


def cosine_similarity(sides: Array, scores_of_target: Array) -> Similarity:
    """Overlap x cosine of the class scores, s_L and s_P of Petsiuk et al. 2021.

    Without s_O, the objectness, which the paper leaves out where a detector has none.
    """

    def match(boxes: Array, scores: Array) -> Array:
        result = np.zeros(len(boxes))
        for j, (box, of_classes) in enumerate(zip(boxes, scores, strict=True)):
            lengths = np.linalg.norm(scores_of_target) * np.linalg.norm(of_classes)
            alike = scores_of_target @ of_classes / lengths if lengths else 0.0
            result[j] = iou(sides, box) * alike
        return result

    return match


def rise_masks(
    rng: np.random.Generator, count: int, cells: tuple[int, int], size: tuple[int, int], p: float
) -> Array:
    """Masks of Petsiuk et al. 2018 and 2021: (count, H, W), 1 where the picture is seen.

    Cells of h x w, each seen with probability p, are enlarged bilinearly to
    (h + 1) C_H x (w + 1) C_W with C_H = ceil(H / h), and H x W of it are cut out at random. The
    paper rounds down, which leaves too little to cut from where h does not divide H; the authors'
    code rounds up.
    """
    (h, w), (height, width) = cells, size
    cell_height, cell_width = math.ceil(height / h), math.ceil(width / w)
    result = np.zeros((count, height, width))
    for n in range(count):
        seen = (rng.random((h, w)) < p).astype(float)
        down, right = int(rng.integers(cell_height)), int(rng.integers(cell_width))
        large = _enlarged(seen, (h + 1) * cell_height, (w + 1) * cell_width)
        result[n] = large[down : down + height, right : right + width]
    return result


def d_rise(run: Run, x: Array, masks: Array, similarity: Similarity, hidden: float = 0.0) -> Array:
    """Petsiuk et al. 2021: sum of masks, each times its largest similarity.

    Parameters
    ----------
    run : callable
        The detector.
    x : (3, H, W) array
        The picture.
    masks : (N, H, W) array
        1 where it is seen, 0 where `hidden` stands.
    similarity : callable
        To what is explained.
    hidden : float
        What hides pixels; the paper takes black.

    Returns
    -------
    (H, W) array
        Divided by the number of masks, as in RISE but without its constant 1 / p.
    """
    total = np.zeros(masks.shape[1:])
    for mask in masks:
        raw = run((x * mask + hidden * (1 - mask))[None])[0]
        boxes, scores = candidates(raw)
        total += similarity(boxes, scores).max() * mask
    return total / len(masks)


def _enlarged(grid: Array, height: int, width: int) -> Array:
    """Bilinear, pixels as areas, the outermost values continued."""
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = (i + 0.5) * grid.shape[0] / height - 0.5
            x = (j + 0.5) * grid.shape[1] / width - 0.5
            top, left = math.floor(y), math.floor(x)
            for r, share in ((top, 1 - (y - top)), (top + 1, y - top)):
                for c, part in ((left, 1 - (x - left)), (left + 1, x - left)):
                    row = min(max(r, 0), grid.shape[0] - 1)
                    column = min(max(c, 0), grid.shape[1] - 1)
                    result[i, j] += share * part * grid[row, column]
    return result
