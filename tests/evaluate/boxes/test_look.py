"""What is explained of an annotated picture: its strongest hits, each in its box."""

from dataclasses import replace

import numpy as np
import pytest
from annotated_scenes import CLASSES, FOLDER, TRUTH

from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.look import box_mask, looks_of, require_class, scene_of
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.evaluate.cases import Plan
from onnxplain.inputs.annotations.attach import annotate
from onnxplain.inputs.dataset import read_dataset
from onnxplain.model.load import load

MODEL = load("models/scenes-detector.onnx")
FOUND = annotate(read_dataset(FOLDER), FOLDER / "boxes.json")
KNOWN = truth_of(FOUND, MODEL.task)
LAST = FOUND.samples[5]
PLAN = Plan({}, ())


def test_the_strongest_hits_with_their_annotated_boxes():
    scene = scene_of(MODEL, LAST, KNOWN)
    looks = list(looks_of(MODEL, scene, PLAN))
    assert len(looks) == 3
    scores = [scene.said.scores[list(scene.said.names).index(name)] for name, _ in looks]
    assert scores == sorted(scores, reverse=True)
    for name, seen in looks:
        rows, columns = np.nonzero(seen.mask)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        known = {"class": name.partition("#")[0], "box": [int(v) for v in edges]}
        assert known in TRUTH[LAST.name]
        assert seen.target.unit == "match"
        assert seen.start.unit == "logit"
        assert CLASSES[seen.index] == known["class"]


def test_a_target_chooses_the_class():
    scene = scene_of(MODEL, LAST, KNOWN)
    names = [name for name, _ in looks_of(MODEL, scene, replace(PLAN, target="square"))]
    assert [n.partition("#")[0] for n in names] == ["square"]
    for bad in ("2", "top-3", "star@5,5", "star in 1,1,9,9", "star#2"):
        with pytest.raises(UsageError, match="name a class alone"):
            require_class(MODEL, replace(PLAN, target=bad))


def test_a_picture_that_nobody_annotated_is_none():
    assert scene_of(MODEL, replace(LAST, annotation=None), KNOWN) is None


def test_a_box_outside_the_input_has_no_mask():
    assert box_mask(MODEL, LAST, np.array([200.0, 200, 210, 210])) is None
