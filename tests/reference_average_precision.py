"""COCO's average precision as plain loops, from its description: slow, and easy to check."""

import numpy as np


def overlap(a, b):
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


def inside(box, crowd):
    """Share of a box that lies in a crowd."""
    width = min(box[2], crowd[2]) - max(box[0], crowd[0])
    height = min(box[3], crowd[3]) - max(box[1], crowd[1])
    return max(width, 0.0) * max(height, 0.0) / ((box[2] - box[0]) * (box[3] - box[1]))


def average_precision(pictures, label, least):
    """Average precision of one class.

    `pictures` holds (boxes, objects): rows of (sides, label, score), and of (sides, label, aside).
    """
    outcomes, total = [], 0
    for boxes, objects in pictures:
        mine = [o for o in objects if o[1] == label]
        counting, others = [o for o in mine if not o[2]], [o for o in mine if o[2]]
        total += len(counting)
        taken = set()
        for sides, _, score in sorted((b for b in boxes if b[1] == label), key=lambda b: -b[2]):
            free = [(overlap(sides, o[0]), k) for k, o in enumerate(counting) if k not in taken]
            fitting = [pair for pair in free if pair[0] >= least]
            if fitting:
                taken.add(max(fitting)[1])
                outcomes.append((score, True))
            elif not any(
                (inside if aside == "crowd" else overlap)(sides, by) >= least
                for by, _, aside in others
            ):
                outcomes.append((score, False))
    if not total:
        return None
    outcomes.sort(key=lambda pair: -pair[0])
    points, right = [], 0
    for count, (_, hit) in enumerate(outcomes, 1):
        right += hit
        points.append((right / total, right / count))
    recalls = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in points if r >= at), default=0.0) for at in recalls]))
