"""How good a detector is: hits, misses and false positives of each class, and precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from onnxplain.evaluate.boxes.average_precision import (
    LACKING,
    AveragePrecision,
    average_precision,
    is_there,
)
from onnxplain.evaluate.boxes.judge import Judged
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.targets.boxes.layout import Detections

Counts = Counter[tuple[int, str]]


@dataclass(frozen=True)
class ClassScore:
    """What became of the objects and the boxes of one class.

    Attributes
    ----------
    index : int
        The class.
    objects : int
        Annotated objects that count.
    hits, misses, false_positives : int
        At the detector's own threshold, and an overlap of one half.
    ap50, ap50_95 : float or None
        Average precision; ``None`` without objects, or if it is not computed.
    """

    index: int
    objects: int
    hits: int
    misses: int
    false_positives: int
    ap50: float | None = None
    ap50_95: float | None = None

    @property
    def precision(self) -> float | None:
        """Part of the boxes that are hits."""
        boxes = self.hits + self.false_positives
        return self.hits / boxes if boxes else None

    @property
    def recall(self) -> float | None:
        """Part of the objects that are hit."""
        return self.hits / self.objects if self.objects else None


@dataclass(frozen=True)
class DetectionScore:
    """All classes of a detector against annotations.

    Attributes
    ----------
    form : str
        Format of the annotations.
    pictures, empty : int
        Annotated pictures that were counted, and those of them without an object.
    least : float
        Score from which a candidate is a box, in hits, misses and false positives.
    map50, map50_95 : float or None
        Mean average precision.
    classes : sequence of ClassScore
        In the order of the model's classes.
    notes : sequence of str
        What is to be known.
    left_out : sequence of str
        Annotations that could not be read, and why.
    """

    form: str
    pictures: int
    empty: int
    least: float
    map50: float | None
    map50_95: float | None
    classes: Sequence[ClassScore]
    notes: Sequence[str] = field(default=())
    left_out: Sequence[str] = field(default=())

    def to_dict(self, labels: Sequence[str] = ()) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [
            {
                "class": labels[c.index] if c.index < len(labels) else None,
                **asdict(c),
                "precision": c.precision,
                "recall": c.recall,
            }
            for c in self.classes
        ]
        texts = {"notes": list(self.notes), "left_out": list(self.left_out)}
        return {**asdict(self), "classes": rows, **texts}


def score_of(
    judged: Iterable[Sequence[Judged]],
    pairs: Sequence[tuple[Detections, Objects]],
    truth: Truth,
    least: float,
    notes: Sequence[str] = (),
) -> DetectionScore:
    """Sum up.

    Parameters
    ----------
    judged : iterable of sequences of Judged
        Boxes and missed objects of each picture.
    pairs : sequence of (Detections, Objects)
        Of the same pictures, with all boxes that average precision counts.
    truth : Truth
        The annotated classes.
    least : float
        Score from which a candidate is a box.
    notes : sequence of str
        Further ones.
    """
    counts: Counts = Counter((one.label, one.verdict) for found in judged for one in found)
    precise = average_precision(pairs, truth.judged) if is_there() and pairs else None
    lacking = [] if precise is not None or not pairs else [LACKING]
    return DetectionScore(
        truth.form,
        len(pairs),
        sum(not len(objects.labels) for _, objects in pairs),
        least,
        None if precise is None else precise.map50,
        None if precise is None else precise.map50_95,
        [_class_score(k, counts, precise) for k in sorted(truth.judged)],
        (*truth.notes, *notes, *lacking),
        truth.problems,
    )


def _class_score(index: int, counts: Counts, precise: AveragePrecision | None) -> ClassScore:
    hits, misses, wrong = (counts[index, v] for v in ("hit", "miss", "false positive"))
    return ClassScore(
        index,
        hits + misses,
        hits,
        misses,
        wrong,
        None if precise is None else precise.at_half.get(index),
        None if precise is None else precise.over_all.get(index),
    )
