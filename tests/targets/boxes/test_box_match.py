"""The largest product of overlap and score, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from onnxplain.errors import MethodRefusedError
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.codes import BoxCode
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import BoxLayout

LAYOUT = BoxLayout(
    Columns(("out",), first=0, stop=4), BoxCode("xyxy"), Columns(("out",), first=4, stop=6), 2
)


def match(label=0, source=""):
    return BoxMatch("box 1", "box-1", LAYOUT, (0.0, 0.0, 4.0, 4.0), label, source)


def test_overlap_times_score_of_the_best_candidate():
    rows = np.array(
        [
            # Overlaps 1/2, 1 and 0 with the box that is asked for.
            [[0, 0, 4, 2, 0.75, 0.5], [0, 0, 4, 4, 0.25, 0.125], [9, 9, 10, 10, 1.0, 1.0]],
            [[0, 0, 4, 2, 0.25, 0.5], [0, 0, 4, 4, 0.25, 0.75], [9, 9, 10, 10, 1.0, 1.0]],
        ]
    )
    assert match(0).score({"out": rows}).tolist() == [0.375, 0.25]
    assert match(1).score({"out": rows}).tolist() == [0.25, 0.75]


def test_likeness_counts_all_scores_and_not_how_large_they_are():
    rows = np.array([[[0, 0, 4, 2, 0.75, 0.0], [0, 0, 4, 4, 0.003, 0.004], [9, 9, 10, 10, 1, 1]]])
    alike = replace(match(), scores=(0.5, 0.0), match="likeness")
    assert alike.score({"out": rows}) == pytest.approx([0.6])
    assert match().score({"out": rows}) == pytest.approx([0.375])
    assert (alike.unit, alike.describe()) == ("likeness", "box 1, likeness")
    assert alike.to_dict()["scores"] == [0.5, 0.0]
    assert alike != match()


def test_no_candidate_is_no_match():
    assert match().score({"out": np.zeros((2, 0, 6))}).tolist() == [0.0, 0.0]


def test_gradients_are_refused():
    assert not match().is_linear
    with pytest.raises(MethodRefusedError, match="no gradient"):
        match().slopes({"out": np.zeros((1, 1, 6))})


def test_what_records_and_captions_say():
    assert match().describe() == "box 1, match"
    assert match().origin is None
    assert match(source="logits").origin == "logits"
    data = match(1).to_dict()
    assert (data["type"], data["label"], data["sides"]) == ("box-match", 1, [0.0, 0.0, 4.0, 4.0])
    assert data["tensors"] == ["out"]
