"""Which boxes of a detector are right, and which objects it missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from onnxplain.evaluate.boxes.truth import Objects
from onnxplain.targets.boxes.layout import Detections
from onnxplain.targets.boxes.overlap import iou

# Overlap from which a box is one of an object, and from which it is at least near it.
MATCHED, NEAR = 0.5, 0.1
Verdict = Literal["hit", "miss", "false positive"]
Cause = Literal["", "other class", "second box", "place", "nothing"]


@dataclass(frozen=True)
class Judged:
    """One box of the detector, or one object that it missed.

    Attributes
    ----------
    verdict : {"hit", "miss", "false positive"}
        What it is.
    label : int
        Its class.
    sides : tuple of float
        Left, top, right and bottom in pixels of the photo: the detector's, of a miss the
        annotated ones.
    score : float or None
        Of the detector's box; ``None`` for a miss.
    overlap : float
        Intersection over union with what it was compared with; 0 if that is nothing.
    cause : {"", "other class", "second box", "place", "nothing"}
        What is wrong: the object has another class; the object has a stronger box; the box is
        near an object of its class and not on it; nothing is near. Of a miss in the same way:
        a box of another class is on it, a box of its class is near it, or nothing is. Empty for
        a hit.
    other : int or None
        The class it is taken for, or should be taken for, if the cause is another class.
    detection : int or None
        Which box of the picture, the strongest first; ``None`` for a miss.
    truth : int or None
        Which object it hits or is; ``None`` for a false positive.
    """

    verdict: Verdict
    label: int
    sides: tuple[float, float, float, float]
    score: float | None
    overlap: float
    cause: Cause = ""
    other: int | None = None
    detection: int | None = None
    truth: int | None = None


def judge(found: Detections, truth: Objects, classes: frozenset[int]) -> list[Judged]:
    """Match the boxes of one picture with its objects, the strongest box first.

    A box hits the object of its class, not yet hit, that it overlaps most, if by at least
    `MATCHED`. A box that is on nothing but a crowd (with half of its own area) or a difficult
    object is not judged, as in COCO and Pascal VOC.

    Parameters
    ----------
    found : Detections
        The detector's boxes, the strongest first, in pixels of the photo.
    truth : Objects
        The annotated objects.
    classes : set of int
        Classes that are judged.

    Returns
    -------
    list of Judged
        The boxes in their order, then the objects that were missed.
    """
    counts = np.array([not a for a in truth.aside], bool)
    hit: dict[int, int] = {}
    judged: list[Judged] = []
    for k, (sides, score, label) in enumerate(
        zip(found.sides, found.scores, found.labels, strict=True)
    ):
        if int(label) not in classes:
            continue
        overlap = iou(truth.sides.T, sides)
        same = (truth.labels == label) & counts
        free = same & ~np.isin(np.arange(len(counts)), list(hit))
        best = _best(overlap, free)
        if best is not None and overlap[best] >= MATCHED:
            hit[best] = k
            said = _sides(sides)
            judged.append(
                Judged(
                    "hit", int(label), said, float(score), float(overlap[best]),
                    detection=k, truth=best,
                )
            )  # fmt: skip
        elif not _on_aside(sides, int(label), truth, overlap):
            judged.append(_wrong(k, found, truth, overlap, counts))
    for number in np.flatnonzero(counts):
        if int(number) not in hit and int(truth.labels[number]) in classes:
            judged.append(_missed(int(number), found, truth, frozenset(hit.values())))
    return judged


def _wrong(
    k: int, found: Detections, truth: Objects, overlap: np.ndarray, counts: np.ndarray
) -> Judged:
    label, score = int(found.labels[k]), float(found.scores[k])
    same, other = (truth.labels == label) & counts, (truth.labels != label) & counts
    own, foreign = _best(overlap, same), _best(overlap, other)
    cause: Cause = "nothing"
    of: int | None = None
    near = 0.0
    if own is not None and overlap[own] >= MATCHED:
        cause, near = "second box", float(overlap[own])
    elif foreign is not None and overlap[foreign] >= MATCHED:
        cause, near, of = "other class", float(overlap[foreign]), int(truth.labels[foreign])
    elif own is not None and overlap[own] >= NEAR:
        cause, near = "place", float(overlap[own])
    sides = _sides(found.sides[k])
    return Judged("false positive", label, sides, score, near, cause, of, detection=k)


def _missed(number: int, found: Detections, truth: Objects, used: frozenset[int]) -> Judged:
    """What is where the missed object is; boxes that hit other objects explain nothing."""
    label, sides = int(truth.labels[number]), truth.sides[number]
    overlap = iou(found.sides.T, sides)
    free = ~np.isin(np.arange(len(overlap)), list(used))
    own, foreign = (
        _best(overlap, free & mine) for mine in (found.labels == label, found.labels != label)
    )
    cause: Cause = "nothing"
    of: int | None = None
    near = 0.0
    if foreign is not None and overlap[foreign] >= MATCHED:
        cause, near, of = "other class", float(overlap[foreign]), int(found.labels[foreign])
    elif own is not None and overlap[own] >= NEAR:
        cause, near = "place", float(overlap[own])
    return Judged("miss", label, _sides(sides), None, near, cause, of, truth=number)


def _on_aside(sides: np.ndarray, label: int, truth: Objects, overlap: np.ndarray) -> bool:
    for number, aside in enumerate(truth.aside):
        if aside and truth.labels[number] == label:
            own = overlap[number] if aside == "difficult" else _covered(sides, truth.sides[number])
            if own >= MATCHED:
                return True
    return False


def _covered(box: np.ndarray, by: np.ndarray) -> float:
    """Share of a box that another one covers."""
    width = min(box[2], by[2]) - max(box[0], by[0])
    height = min(box[3], by[3]) - max(box[1], by[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return float(width * height / area) if width > 0 and height > 0 and area > 0 else 0.0


def _best(overlap: np.ndarray, among: np.ndarray) -> int | None:
    """Index of the largest overlap among some; ``None`` if there are none."""
    return int(np.where(among, overlap, -1.0).argmax()) if among.any() else None


def _sides(values: np.ndarray) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, values)
    return (left, top, right, bottom)
