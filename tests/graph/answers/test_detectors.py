"""Detectors become boxes, and what only resembles one does not."""

from __future__ import annotations

import numpy as np
import pytest
from heads import model, opened

from tests.graph.answers.shaped import outputs_of_shapes

DETECTORS = {
    "v8-640": ({"o": (84, 8400)}, (640, 640), {}),
    "v8-320x256": ({"o": (84, 1680)}, (320, 256), {}),
    "v8-one-class": ({"o": (5, 1029)}, (224, 224), {}),
    "v5-640": ({"o": (25200, 85)}, (640, 640), {}),
    "v5-wide": ({"o": (102000, 85)}, (1280, 1280), {}),
    "v6": ({"o": (8400, 85)}, (640, 640), {}),
    "tiny": ({"o": (2535, 85)}, (416, 416), {}),
    "end-to-end": ({"o": (300, 6)}, (640, 640), {}),
    "end-to-end-7": ({"o": (1, 100, 7)}, (300, 300), {}),
    "three-maps": ({"a": (255, 8, 8), "b": (255, 4, 4), "c": (255, 2, 2)}, (64, 64), {}),
    "three-maps-split": (
        {"a": (3, 8, 8, 85), "b": (3, 4, 4, 85), "c": (3, 2, 2, 85)},
        (64, 64),
        {},
    ),
    "detr": ({"logits": (100, 92), "boxes": (100, 4)}, (64, 64), {"boxes": "Sigmoid"}),
    "ssd": ({"s": (500, 21), "b": (500, 4)}, (300, 300), {"s": "Softmax"}),
    "tensorflow": (
        {"b": (100, 4), "s": (100,), "c": (100,), "num": (1,)},
        (64, 64),
        {},
    ),
    "maps-apart": (
        {"c8": (20, 8, 8), "b8": (4, 8, 8), "c16": (20, 4, 4), "b16": (4, 4, 4)},
        (64, 64),
        {},
    ),
    "centres": (
        {"hm": (20, 16, 16), "wh": (2, 16, 16), "reg": (2, 16, 16)},
        (64, 64),
        {"hm": "Sigmoid"},
    ),
}
OTHERS = {
    "segmentation": ({"o": (85, 64, 64)}, (64, 64), {}, "classes"),
    "coarse-segmentation": ({"o": (85, 8, 8)}, (64, 64), {}, "classes"),
    "sequence": ({"o": (26, 37)}, (32, 100), {}, "classes"),
    "short-sequence": ({"o": (26, 6)}, (32, 100), {}, "classes"),
    "softmax-sequence": ({"o": (100, 6)}, (32, 100), {"o": "Softmax"}, "classes"),
    "auxiliary-heads": ({"a": (1000,), "b": (1000,), "c": (1000,)}, (64, 64), {}, "classes"),
    "deep-supervision": (
        {"a": (21, 64, 64), "b": (21, 32, 32), "c": (21, 16, 16)},
        (64, 64),
        {},
        "classes",
    ),
    "coarse-supervision": (
        {"a": (19, 8, 8), "b": (19, 4, 4), "c": (19, 2, 2)},
        (64, 64),
        {},
        "classes",
    ),
    "tiny-picture": ({"o": (5, 6)}, (6, 6), {}, "classes"),
    "two-tasks-at-scales": (
        {
            "a1": (4, 64, 64),
            "b1": (7, 64, 64),
            "a8": (4, 8, 8),
            "b8": (7, 8, 8),
            "a16": (4, 4, 4),
            "b16": (7, 4, 4),
        },
        (64, 64),
        {},
        "classes",
    ),
    "four-classes-and-seven": ({"a": (4,), "b": (7,)}, (64, 64), {}, "classes"),
    "two-softmax-sequences": (
        {"a": (20, 4), "b": (20, 11)},
        (32, 100),
        {"a": "Softmax", "b": "Softmax"},
        "classes",
    ),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_every_output_of_a_detector_is_boxes(name):
    shapes, size, activations = DETECTORS[name]
    answers = opened(outputs_of_shapes(shapes, size, activations)).answers
    assert {a.output: a.task for a in answers} == dict.fromkeys(shapes, "boxes")
    assert all(a.evidence and a.probability is None for a in answers)


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_no_detectors(name):
    shapes, size, activations, task = OTHERS[name]
    answers = opened(outputs_of_shapes(shapes, size, activations)).answers
    assert {a.output: a.task for a in answers} == dict.fromkeys(shapes, task)


@pytest.mark.parametrize("task", ["detect", "pose", "obb", "segment"])
def test_metadata_names_a_detector(task):
    made = outputs_of_shapes({"o": (9, 100), "p": (7,)}, (64, 64))
    metadata = {"task": task, "names": "{0: 'a'}", "stride": "32", "imgsz": "[64, 64]"}
    assert [a.task for a in opened(made, metadata).answers] == ["boxes", "boxes"]


def test_metadata_names_a_classifier():
    made = outputs_of_shapes({"o": (5,)}, (64, 64), {"o": "Softmax"})
    metadata = {"task": "classify", "names": "{0: 'a'}", "stride": "1", "imgsz": "[64, 64]"}
    assert opened(made, metadata).only.task == "classes"


def test_a_segmentation_with_that_word_in_its_metadata_is_none():
    made = outputs_of_shapes({"o": (3, 64, 64)}, (64, 64))
    assert opened(made, {"task": "segment"}).only.task == "classes"


def test_names_tell_the_columns_of_a_box():
    metadata = {"stride": "32", "names": "['a', 'b', 'c']"}
    assert opened(outputs_of_shapes({"o": (100, 8)}, (64, 64)), metadata).only.task == "boxes"
    assert opened(outputs_of_shapes({"o": (100, 8)}, (64, 64))).only.task == "classes"


def test_boxes_without_a_sigmoid_beside_scores_that_have_one():
    made = model(
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) a = MatMul(p, wa) b = MatMul(p, wb) "
        "x = Reshape(a, sa) y = Reshape(b, sb) s = Sigmoid(y) o = Concat<axis=1>(x, s)",
        ["float[N,7,11] o"],
        extra={
            "wa": np.ones((3, 44), np.float32),
            "wb": np.ones((3, 33), np.float32),
            "sa": np.array([-1, 4, 11]),
            "sb": np.array([-1, 3, 11]),
        },
    )
    assert opened(made).only.task == "boxes"


def test_suppression_in_the_graph():
    made = model(
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) a = MatMul(p, wa) b = MatMul(p, wb) "
        "x = Reshape(a, sa) y = Reshape(b, sb) s = Sigmoid(y) "
        "o = NonMaxSuppression(x, s, most, iou, least) q = MatMul(p, wq) kind = Softmax(q)",
        ["int64[M,3] o", "float[N,3,11] s", "float[N,5] kind"],
        extra={
            "wa": np.ones((3, 44), np.float32),
            "wb": np.ones((3, 33), np.float32),
            "wq": np.ones((3, 5), np.float32),
            "sa": np.array([-1, 11, 4]),
            "sb": np.array([-1, 3, 11]),
            "most": np.array([5]),
            "iou": np.array([0.5], np.float32),
            "least": np.array([0.1], np.float32),
        },
    )
    # A class of the whole picture in the same file stays an answer of its own.
    tasks = {a.output: a.task for a in opened(made).answers}
    assert tasks == {"o": "boxes", "s": "boxes", "kind": "classes"}


def test_boxes_without_a_batch_axis():
    made = model(
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) f = Reshape(p, all) "
        "m = Mul(f, wa) boxes = Reshape(m, sa) q = Mul(f, wb) t = ReduceSum(q, l1) "
        "s = Squeeze(t, l1) scores = Sigmoid(s)",
        ["float[9,4] boxes", "float[9] scores"],
        batch=1,
        extra={
            "all": np.array([1, 3]),
            "wa": np.ones((12, 3), np.float32),
            "wb": np.ones((9, 3), np.float32),
            "sa": np.array([9, 4]),
        },
    )
    assert [a.task for a in opened(made).answers] == ["boxes", "boxes"]
