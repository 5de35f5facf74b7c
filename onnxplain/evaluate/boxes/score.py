"""How good a detector is: hits, misses and false positives of each class, and precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from onnxplain.evaluate.boxes.average_precision import (
    LACKING,
    average_precision,
    is_there,
)
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.targets.boxes.layout import BoxLayout, Detections

# How many boxes or objects there are of each class and verdict.
Counts = Counter[tuple[int, str]]
# Average precision needs the weak boxes too; Ultralytics' validation begins here as well.
_WEAKEST = 1e-3


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
        Annotated pictures that were counted, and those of them without an object that counts.
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
    counts: Counts,
    pairs: Sequence[tuple[Detections, Objects]],
    truth: Truth,
    layout: BoxLayout,
) -> DetectionScore:
    """Sum up.

    Parameters
    ----------
    counts : Counter of (int, str)
        How many boxes or objects there are of each class and verdict.
    pairs : sequence of (Detections, Objects)
        Of each annotated picture, with all boxes that average precision counts.
    truth : Truth
        The annotated classes.
    layout : BoxLayout
        How the detector is read.
    """
    rule = layout.suppression
    said = f"average precision counts boxes of a score of {weakened(layout).suppression.least:g} "
    said += "and more" + (", the file's own threshold" if rule.in_file else "")
    precise = average_precision(pairs, truth.judged) if is_there() and pairs else None
    lacking = [] if precise is not None or not pairs else [LACKING]
    of_class = {
        k: (None, None) if precise is None else (precise.at_half.get(k), precise.over_all.get(k))
        for k in sorted(truth.judged)
    }
    return DetectionScore(
        truth.form,
        len(pairs),
        sum(all(objects.aside) for _, objects in pairs),
        rule.least,
        None if precise is None else precise.map50,
        None if precise is None else precise.map50_95,
        class_scores(counts, of_class),
        (*truth.notes, said, *lacking),
        truth.problems,
    )


def class_scores(
    counts: Counts, precise: Mapping[int, tuple[float | None, float | None]]
) -> list[ClassScore]:
    """Return what became of each class, of which the average precision is given if known."""
    found = []
    for index, of_class in precise.items():
        hits, misses, wrong = (counts[index, v] for v in ("hit", "miss", "false positive"))
        found.append(ClassScore(index, hits + misses, hits, misses, wrong, *of_class))
    return found


def weakened(layout: BoxLayout) -> BoxLayout:
    """Return a layout that keeps weak boxes, unless the file itself leaves them out."""
    rule = layout.suppression
    if rule.in_file:
        return layout
    return replace(layout, suppression=replace(rule, least=min(rule.least, _WEAKEST)))
