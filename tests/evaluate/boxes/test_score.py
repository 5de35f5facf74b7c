"""Sums over pictures: counts of each class, and what is said where they are not whole."""

from dataclasses import replace

import numpy as np
import pytest

from onnxplain.evaluate.boxes import score as module
from onnxplain.evaluate.boxes.score import Counts, score_of, weakened
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.model.load import load
from onnxplain.targets.boxes.layout import Detections

TRUTH = Truth("COCO", {"a": 0, "b": 1}, 2, ("bad",), ("noted",))
LAYOUT = load("models/scenes-detector.onnx").task.layout
NONE = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def objects(count, aside=""):
    sides = np.tile((0.0, 0.0, 1.0, 1.0), (count, 1))
    return Objects(sides, np.zeros(count, np.int64), (aside,) * count)


def test_counts_of_each_class():
    counts = Counts({(0, "hit"): 3, (0, "miss"): 1, (0, "false positive"): 1})
    pairs = [(NONE, objects(3)), (NONE, objects(0)), (NONE, objects(2, "crowd"))]
    found = score_of(counts, pairs, TRUTH, LAYOUT)
    first, second = found.classes
    assert (first.objects, first.hits, first.misses, first.false_positives) == (4, 3, 1, 1)
    assert first.precision == pytest.approx(3 / 4)
    assert first.recall == pytest.approx(3 / 4)
    assert (second.objects, second.precision, second.recall) == (0, None, None)
    # A crowd alone is not an object that counts.
    assert (found.pictures, found.empty, found.least) == (3, 2, 0.25)
    assert found.notes[0] == "noted"
    assert "a score of 0.001 and more" in found.notes[1]
    assert found.left_out == ("bad",)
    assert [row["class"] for row in found.to_dict(["A"])["classes"]] == ["A", None]


def test_without_the_library_counts_are_there_and_precision_is_said_to_lack(monkeypatch):
    monkeypatch.setattr(module, "is_there", lambda: False)
    found = score_of(Counts({(1, "hit"): 1}), [(NONE, objects(1))], TRUTH, LAYOUT)
    assert found.map50 is None
    assert found.classes[1].hits == 1
    assert "pip install pycocotools" in found.notes[-1]


def test_weak_boxes_count_for_precision_unless_the_file_leaves_them_out():
    assert weakened(LAYOUT).suppression.least == 1e-3
    own = replace(LAYOUT, suppression=replace(LAYOUT.suppression, in_file=True))
    assert weakened(own) is own
    assert load("models/scenes-detector-nms.onnx").task.layout.suppression.in_file
