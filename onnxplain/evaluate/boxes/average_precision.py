"""Mean average precision of a detector, counted by pycocotools: the reference of the field."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.boxes.truth import Objects
from onnxplain.targets.boxes.layout import Detections

# Boxes of a picture and a class that count, the strongest first: COCO's number.
MOST = 100
LACKING = (
    "mean average precision is not computed: pycocotools is not installed; pip install pycocotools"
)


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision of each class, at an overlap of .5 and over .5, .55, ..., .95.

    Attributes
    ----------
    at_half, over_all : mapping of int to float
        By class; classes without an object have none.
    """

    at_half: Mapping[int, float]
    over_all: Mapping[int, float]

    @property
    def map50(self) -> float | None:
        """Mean over the classes at an overlap of .5."""
        return float(np.mean(list(self.at_half.values()))) if self.at_half else None

    @property
    def map50_95(self) -> float | None:
        """Mean over the classes and the ten overlaps."""
        return float(np.mean(list(self.over_all.values()))) if self.over_all else None


def is_there() -> bool:
    """Whether pycocotools is installed."""
    return find_spec("pycocotools") is not None


def average_precision(
    pairs: Sequence[tuple[Detections, Objects]], classes: frozenset[int]
) -> AveragePrecision:
    """Count as COCO does: precision at 101 recalls, over all sizes of objects.

    Crowds and difficult objects are matched with any number of boxes, which do not count then:
    crowds by the share of a box that lies in them, difficult objects by plain overlap.

    Parameters
    ----------
    pairs : sequence of (Detections, Objects)
        Boxes and objects of each picture, in pixels of the photo.
    classes : set of int
        Classes that are judged.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    class Evaluation(COCOeval):
        def computeIoU(self, imgId: int, catId: int) -> Any:  # noqa: N802
            """Overlap with difficult objects is that with any other."""
            drawn = self._gts[imgId, catId]
            for one in drawn:
                one["iscrowd"] = int(one["aside"] == "crowd")
            overlaps = super().computeIoU(imgId, catId)
            for one in drawn:
                one["iscrowd"] = int(bool(one["aside"]))
            return overlaps

    with redirect_stdout(io.StringIO()):
        sets = [COCO(), COCO()]
        for data, entries in zip(sets, _entries(pairs, classes), strict=True):
            data.dataset = {
                "images": [{"id": k} for k in range(len(pairs))],
                "categories": [{"id": label} for label in sorted(classes)],
                "annotations": entries,
            }
            data.createIndex()
        counted = Evaluation(*sets, "bbox")
        counted.params.areaRng, counted.params.areaRngLbl = [[0.0, float("inf")]], ["all"]
        counted.params.maxDets = [MOST]
        counted.evaluate()
        counted.accumulate()
    # Overlaps, recalls, classes, sizes, numbers of boxes; -1 where a class has no object.
    precision: NDArray[np.float64] = counted.eval["precision"][:, :, :, 0, 0]
    labels = [int(k) for k in counted.params.catIds]
    of_class = precision.mean(axis=1).T
    known = [k for k in range(len(labels)) if (precision[:, :, k] > -1).all()]
    return AveragePrecision(
        {labels[k]: float(of_class[k][0]) for k in known},
        {labels[k]: float(of_class[k].mean()) for k in known},
    )


def _entries(
    pairs: Sequence[tuple[Detections, Objects]], classes: frozenset[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Annotations and detections as COCO writes them; ids count from 1, since 0 means none."""
    drawn: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for picture, (boxes, objects) in enumerate(pairs):
        rows = zip(objects.sides, objects.labels, objects.aside, strict=True)
        for sides, label, aside in rows:
            more = {"aside": aside, "iscrowd": int(bool(aside))}
            drawn.append(_entry(len(drawn) + 1, picture, sides, int(label), more))
        for sides, label, score in zip(boxes.sides, boxes.labels, boxes.scores, strict=True):
            if int(label) in classes:
                more = {"score": float(score)}
                found.append(_entry(len(found) + 1, picture, sides, int(label), more))
    return drawn, found


def _entry(
    number: int, picture: int, sides: NDArray[np.float64], label: int, more: Mapping[str, Any]
) -> dict[str, Any]:
    left, top, right, bottom = map(float, sides)
    width, height = max(right - left, 0.0), max(bottom - top, 0.0)
    return {
        "id": number, "image_id": picture, "category_id": label,
        "bbox": [left, top, width, height], "area": width * height, **more,
    }  # fmt: skip
