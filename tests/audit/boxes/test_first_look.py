"""What is explained first of a picture, and a picture in which there is nothing."""

from dataclasses import replace

import pytest
from audit.boxes.drawn import CONFIG, barred, model

from onnxplain.audit.boxes.first_look import first_look
from onnxplain.audit.examine import examine, plan_of
from onnxplain.audit.records.pictures import Done, Failed
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.inputs.annotations.annotation import Annotation, Marked

DETECTOR = model("scenes-detector")
FOUND = barred()
TRUTH = truth_of(FOUND, DETECTOR.task)
PLAN = plan_of(CONFIG)
SEEN, EMPTY = FOUND.samples[0], FOUND.samples[-1]
DRAWN = Annotation((Marked("star", (20, 20, 50, 50)),))


def test_the_strongest_hit_with_its_class_and_box():
    found = first_look(DETECTOR, SEEN, PLAN, [], TRUTH)
    hit = next(j for j in found.scene.judged if j.verdict == "hit")
    assert found.look.index == hit.label
    assert found.look.mask.any()


def test_wrong_boxes_if_nothing_is_annotated():
    found = first_look(DETECTOR, replace(SEEN, annotation=Annotation()), PLAN, [], TRUTH)
    assert {b.judged.verdict for b in found.boxes} == {"false positive"}
    assert found.look is found.boxes[0].look


@pytest.mark.parametrize("truth", [TRUTH, None])
def test_a_picture_without_a_box_is_a_result(truth):
    entry, maps = examine(DETECTOR, EMPTY, ("gradient",), CONFIG, 3, truth)
    assert isinstance(entry, Done)
    assert (entry.explained, entry.target, dict(entry.methods)) == (None, "no box", {})
    assert not maps
    assert entry.boxes == (() if truth else None)


def test_a_missed_object_is_explained_or_said_to_have_no_candidate():
    entry, _ = examine(DETECTOR, replace(EMPTY, annotation=DRAWN), ("gradient",), CONFIG, 3, TRUTH)
    assert isinstance(entry, Done)
    assert [b.verdict for b in entry.boxes] == ["miss"]
    assert entry.explained == 3
    assert entry.boxes[0].match < 0.25


def test_a_picture_that_nobody_annotated_has_no_boxes():
    entry, _ = examine(DETECTOR, replace(SEEN, annotation=None), ("gradient",), CONFIG, 0, TRUTH)
    assert entry.boxes is None
    assert entry.methods


def test_an_annotation_of_another_picture_is_a_failure():
    other = replace(SEEN, annotation=replace(SEEN.annotation, size=(5, 5)))
    entry, _ = examine(DETECTOR, other, ("gradient",), CONFIG, 0, TRUTH)
    assert isinstance(entry, Failed)
    assert "for 5 x 5 pixels" in entry.problem
