"""Candidates in front of a suppression: the layout chooses what the file chooses."""

import numpy as np
import pytest
from heads import values
from seen_boxes import seen

from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.boxes.suppressed import suppressed

RNG = np.random.default_rng(4)
CORNERS = RNG.uniform(0, 40, size=(1, 30, 2))
PLACES = np.concatenate([CORNERS, CORNERS + RNG.uniform(8, 24, size=(1, 30, 2))], axis=2)
SIZES = {
    "wa": RNG.normal(size=(3, 120)).astype(np.float32), "sa": np.array([-1, 30, 4]),
    "wb": 3 * RNG.normal(size=(3, 90)).astype(np.float32), "sb": np.array([-1, 3, 30]),
    "places": PLACES.astype(np.float32),
    "few": np.array([4]), "many": np.array([100]), "none": np.array([0]),
    "third": np.array([0.3], np.float32), "tenth": np.array([0.1], np.float32),
}  # fmt: skip
HEAD = (
    "p = ReduceMean<axes=[2,3], keepdims=0>(image) a = MatMul(p, wa) b = MatMul(p, wb) "
    "x = Reshape(a, sa) boxes = Add(x, places) y = Reshape(b, sb) scores = Sigmoid(y) "
)
PICKED = ["int64[M,3] picked"]


def opened(tail, outputs=PICKED, names=0, **more):
    return seen(HEAD + tail, outputs, names=names, **SIZES, **more)


@pytest.mark.parametrize("centred", [0, 1])
@pytest.mark.parametrize("limits", ["many, third, tenth", "few, third", "few", "none, third"])
def test_the_layout_chooses_what_onnx_runtime_chooses(limits, centred):
    made = opened(
        f"picked = NonMaxSuppression<center_point_box={centred}>(boxes, scores, {limits})"
    )
    found = suppressed(made)
    picture = np.random.default_rng(0).uniform(size=(1, 3, 64, 64)).astype(np.float32)
    held = values(made.tracer.graph, picture)
    chosen = found.layout.detect(held)
    rows = {tuple(row[1:]) for row in held["picked"].tolist()}
    assert set(zip(chosen.labels.tolist(), chosen.rows.tolist(), strict=True)) == rows
    assert bool(rows) == ("none" not in limits)
    assert found.form_known == bool(centred)
    assert found.layout.code.form == ("cxcywh" if centred else "xyxy")
    assert found.layout.suppression.in_file
    assert all(repr(t) in found.evidence for t in ("picked", "boxes", "scores"))


def test_without_corners_that_are_known_rows_may_come_first():
    found = suppressed(opened("picked = NonMaxSuppression(boxes, scores, many)"))
    assert found.forms == ("xyxy", "yxyx")


EFFICIENT = (
    "turned = Transpose<perm=[0,2,1]>(scores) "
    "num, picked, best, kinds = com.microsoft.EfficientNMS_TRT<{}>(boxes, turned)"
)
GIVEN = "score_threshold={}, iou_threshold={}, max_output_boxes={}"


@pytest.mark.parametrize(("coding", "form"), [(0, "xyxy"), (1, "cxcywh")])
@pytest.mark.parametrize(("activation", "squash"), [(0, "none"), (1, "sigmoid")])
def test_the_one_of_tensorrt_has_its_rule_in_its_attributes(coding, form, activation, squash):
    given = GIVEN.format(0.4, 0.6, 7)
    tail = EFFICIENT.format(f"{given}, box_coding={coding}, score_activation={activation}")
    found = suppressed(opened(tail, ["float[N,7,4] picked"]))
    rule, layout = found.layout.suppression, found.layout
    np.testing.assert_allclose((rule.least, rule.overlap), (0.4, 0.6), rtol=1e-6)
    assert (rule.most, rule.every_class, rule.in_file) == (7, True, True)
    assert (layout.code.form, layout.scores.squash, layout.count) == (form, squash, 3)
    # Classes are the last axis of its scores.
    scores = np.random.default_rng(0).normal(size=(1, 30, 3))
    read = layout.scores.plain.read({layout.scores.tensors[0]: scores})
    np.testing.assert_array_equal(read[0], scores[0].T)


ONE = "one_class = ReduceMax<axes=[1], keepdims=1>(scores) "


@pytest.mark.parametrize(("names", "read"), [(0, False), (3, False), (1, True)])
def test_boxes_of_several_classes_may_have_been_moved_apart(names, read):
    tail = f"{ONE} picked = NonMaxSuppression(boxes, one_class, many)"
    assert isinstance(suppressed(opened(tail, names=names)), FoundBoxes) == read


@pytest.mark.parametrize(
    ("tail", "outputs"),
    [
        ("none_here = Relu(scores)", ["float[N,3,30] none_here"]),
        (
            "picked = NonMaxSuppression(boxes, scores, many) "
            "others = NonMaxSuppression(boxes, scores, few)",
            [*PICKED, "int64[L,3] others"],
        ),
        (
            "twice = Concat<axis=0>(boxes, boxes) both = Concat<axis=0>(scores, scores) "
            "picked = NonMaxSuppression(twice, both, many)",
            PICKED,
        ),
    ],
)
def test_anything_but_one_suppression_of_one_picture_is_left_to_other_forms(tail, outputs):
    assert suppressed(opened(tail, outputs)) is None
