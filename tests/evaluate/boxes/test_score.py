"""Sums over pictures: counts of each class, and what is said where they are not whole."""

import numpy as np
import pytest

from onnxplain.evaluate.boxes import score as module
from onnxplain.evaluate.boxes.judge import Judged
from onnxplain.evaluate.boxes.score import score_of
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.targets.boxes.layout import Detections

TRUTH = Truth("COCO", {"a": 0, "b": 1}, 2, ("bad",), ("noted",))
BOX = (0.0, 0.0, 1.0, 1.0)
NONE = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def objects(count):
    return Objects(np.tile(BOX, (count, 1)), np.zeros(count, np.int64), ("",) * count)


def test_counts_of_each_class():
    verdicts = "hit hit miss,false positive,hit".replace("hit hit miss", "hit,hit,miss").split(",")
    judged = [
        [Judged(v, 0, BOX, 0.5, 0.5) for v in verdicts[:3]],
        [Judged(v, 0, BOX, 0.5, 0.5) for v in verdicts[3:]],
    ]
    found = score_of(judged, [(NONE, objects(3)), (NONE, objects(0))], TRUTH, 0.3, ("more",))
    first, second = found.classes
    assert (first.objects, first.hits, first.misses, first.false_positives) == (4, 3, 1, 1)
    assert first.precision == pytest.approx(3 / 4)
    assert first.recall == pytest.approx(3 / 4)
    assert (second.objects, second.precision, second.recall) == (0, None, None)
    assert (found.pictures, found.empty, found.least) == (2, 1, 0.3)
    assert found.notes[:2] == ("noted", "more")
    assert found.left_out == ("bad",)
    assert [row["class"] for row in found.to_dict(["A"])["classes"]] == ["A", None]


def test_without_the_library_counts_are_there_and_precision_is_said_to_lack(monkeypatch):
    monkeypatch.setattr(module, "is_there", lambda: False)
    found = score_of([[Judged("hit", 1, BOX, 0.5, 0.5)]], [(NONE, objects(1))], TRUTH, 0.3)
    assert found.map50 is None
    assert found.classes[1].hits == 1
    assert "pip install 'onnxplain[boxes]'" in found.notes[-1]
