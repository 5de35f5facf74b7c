"""Hits, misses, false positives and precision over the pictures of an audit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onnxplain.audit.records.boxes import Weighed
from onnxplain.audit.records.pictures import Done
from onnxplain.audit.store import Results
from onnxplain.evaluate.boxes.score import Counts, DetectionScore, class_scores, score_of
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.targets.boxes.layout import BoxLayout, Detections


def sum_of_boxes(results: Results, truth: Truth, layout: BoxLayout) -> DetectionScore:
    """Sum up a store's pictures.

    Parameters
    ----------
    results : Results
        With what average precision is counted from.
    truth : Truth
        What is annotated.
    layout : BoxLayout
        How the detector is read.
    """
    counts, pairs = Counts(), []
    for picture in _annotated(results):
        assert picture.weighed is not None
        counts.update((e.index, e.verdict) for e in picture.boxes or ())
        pairs.append(_pair(picture.weighed))
    return score_of(counts, pairs, truth, layout)


def count_again(results: Results, said: DetectionScore) -> DetectionScore:
    """Count what a record's pictures say; precision is not in them and stays as it was said."""
    counts, pictures, empty = Counts(), 0, 0
    for picture in _annotated(results):
        found = [(e.index, e.verdict) for e in picture.boxes or ()]
        counts.update(found)
        pictures += 1
        empty += all(verdict == "false positive" for _, verdict in found)
    precise = {c.index: (c.ap50, c.ap50_95) for c in said.classes}
    return DetectionScore(
        said.form, pictures, empty, said.least, said.map50, said.map50_95,
        class_scores(counts, precise), said.notes, said.left_out,
    )  # fmt: skip


def _annotated(results: Results) -> Iterator[Done]:
    return (p for p in results.pictures() if isinstance(p, Done) and p.boxes is not None)


def _pair(told: Weighed) -> tuple[Detections, Objects]:
    labels = np.array(told.labels, np.int64)
    found = Detections(
        np.array(told.sides, np.float64).reshape(-1, 4),
        np.array(told.scores, np.float64),
        labels,
        np.arange(len(labels)),
    )
    drawn = np.array(told.drawn, np.float64).reshape(-1, 4)
    return found, Objects(drawn, np.array(told.drawn_labels, np.int64), tuple(told.aside))
