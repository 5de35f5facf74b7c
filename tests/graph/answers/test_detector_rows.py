"""Detectors whose boxes are rows, by counts of cells that are made one by one."""

import numpy as np
import onnx
import pytest
from heads import model

from onnxplain.graph.answers.detector_rows import (
    boxes_beside_scores,
    joined_lengths,
    place_counts,
    rows,
)
from tests.graph.answers.shaped import outputs_of_shapes, traced


def found(look, shapes, size=(64, 64), classes=0, activations=None):
    made = traced(outputs_of_shapes(shapes, size, activations))
    return look(made.tracer, made.image, made.outputs, classes)


def cells(size, strides):
    """Cells of all scales, counted by their upper left corners."""
    high, wide = size
    return sum(len(range(0, high, s)) * len(range(0, wide, s)) for s in strides)


@pytest.mark.parametrize("size", [(64, 64), (320, 256), (300, 500), (640, 640)])
def test_numbers_of_places(size):
    made = traced(outputs_of_shapes({"o": (5,)}, size))
    counts = dict(place_counts(made.image))
    assert cells(size, (8, 16, 32)) in counts
    assert 3 * cells(size, (8, 16, 32)) in counts
    assert "8/16/32" in counts[cells(size, (8, 16, 32))]
    assert (cells(size, (8, 16, 32, 64, 128)) in counts) == (min(size) >= 256)


def test_small_pictures_have_no_places():
    assert dict(place_counts(traced(outputs_of_shapes({"o": (5,)}, (31, 64))).image)) == {}


@pytest.mark.parametrize(
    ("shape", "is_detector"),
    [
        ((9, cells((64, 64), (8, 16, 32))), True),
        ((cells((64, 64), (8, 16, 32)), 9), True),
        ((1, cells((64, 64), (8, 16, 32)), 9), True),
        ((3 * cells((64, 64), (8, 16, 32)), 9), True),
        ((cells((64, 64), (8, 16, 32)) + 1, 9), False),
        ((cells((64, 64), (8, 16, 32)), 4), False),  # a box alone
        ((cells((64, 64), (8, 16, 32)), 90), False),
        ((61, 6), True),  # box, score and label
        ((61, 7), True),
        ((61, 8), False),
        ((26, 6), False),  # so few may be letters of a word
        ((84,), False),
        ((2, 3, 84), False),
    ],
)
def test_rows_by_their_numbers(shape, is_detector):
    assert bool(found(rows, {"o": shape})) == is_detector


def test_rows_by_the_names_of_the_file():
    assert found(rows, {"o": (100, 8)}, classes=4) == {
        "o": "8 numbers at each place for 4 names: 4 are a box's"
    }
    assert "5 are a box's" in found(rows, {"o": (100, 9)}, classes=4)["o"]
    assert found(rows, {"o": (100, 8)}) == {}
    assert found(rows, {"o": (7, 8)}, classes=4) == {}  # fewer places than numbers


@pytest.mark.parametrize("activation", ["Softmax", "LogSoftmax"])
def test_probabilities_are_no_boxes(activation):
    assert found(rows, {"o": (61, 6)})
    assert found(rows, {"o": (61, 6)}, activations={"o": activation}) == {}
    pair = {"b": (61, 4), "s": (61, 9)}
    assert found(boxes_beside_scores, pair)
    assert found(boxes_beside_scores, pair, activations={"b": activation}) == {}


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ({"b": (61, 4), "s": (61, 9)}, {"b", "s"}),
        ({"b": (61, 4), "s": (61,), "l": (61,), "n": (1,)}, {"b", "s", "l"}),
        ({"b": (1, 61, 4), "s": (61, 9)}, {"b", "s"}),
        ({"b": (61, 4), "s": (58, 9)}, set()),
        ({"b": (61, 5), "s": (61, 9)}, set()),
        ({"b": (61, 4), "s": (61, 9, 2)}, set()),
        ({"b": (4,), "s": (7,)}, set()),
    ],
)
def test_boxes_beside_scores(shapes, told):
    evidence = found(boxes_beside_scores, shapes)
    assert set(evidence) == told
    if told:
        assert evidence["b"].startswith("'b' holds 4 numbers for each row of 's'")


JOINED = (
    "p = ReduceMean<axes=[2,3], keepdims=0>(image) a = MatMul(p, wa) b = MatMul(p, wb) "
    "x = Reshape(a, sa) y = Reshape(b, sb) s = Sigmoid(y) "
)
WEIGHTS = {
    "wa": np.ones((3, 44), np.float32),
    "wb": np.ones((3, 33), np.float32),
    "sa": np.array([-1, 4, 11]),
    "sb": np.array([-1, 3, 11]),
    "whole": np.array([-1, 77]),
    "k": np.array([0]),
}


def joined(body, output):
    return traced(model(JOINED + body, [output], extra=WEIGHTS))


@pytest.mark.parametrize(
    ("body", "lengths"),
    [
        ("o = Concat<axis=1>(x, s)", (4, 3)),
        ("c = Concat<axis=-2>(x, s) o = Transpose<perm=[0,2,1]>(c)", (4, 3)),
        ("c = Concat<axis=1>(s, x) o = Flatten(c)", (3, 4)),
        ("c = Concat<axis=1>(x, s) r = Relu(c) o = Neg(r)", ()),
        ("o = Neg(x)", ()),
    ],
)
def test_lengths_that_are_joined(body, lengths):
    made = joined(body, "float[N,A,B] o" if "Flatten" not in body else "float[N,A] o")
    assert joined_lengths(made.tracer.graph, made.tracer, "o") == lengths
    assert joined_lengths(made.tracer.graph, made.tracer, "image") == ()


def test_four_numbers_without_a_sigmoid_in_front_of_others_that_have_one():
    made = joined("o = Concat<axis=1>(x, s)", "float[N,7,11] o")
    evidence = rows(made.tracer, made.image, made.outputs, 0)
    assert evidence == {"o": "4 numbers without a Sigmoid in front of 3 that have one"}
    behind = joined("o = Concat<axis=1>(s, x)", "float[N,7,11] o")
    assert rows(behind.tracer, behind.image, behind.outputs, 0) == {}


def test_few_complete_rows_are_boxes_where_they_were_ranked():
    """Five best ones of a row of six numbers, chosen by their scores."""
    body = (
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) a = MatMul(p, wa) x = Reshape(a, sa) "
        "s = ReduceMax<axes=[2], keepdims=0>(x) v, i = TopK(s, five) "
        "f = Reshape(i, flat) q = Squeeze(x, k) o = Gather<axis=0>(q, f) {}"
    )
    extra = {
        "wa": np.random.default_rng(0).normal(size=(3, 60)).astype(np.float32),
        "sa": np.array([-1, 10, 6]), "five": np.array([5]), "flat": np.array([5]),
        "k": np.array([0]),
    }  # fmt: skip
    ranked = traced(model(body.format(""), ["float[5,6] o"], extra=extra, batch=1))
    assert set(rows(ranked.tracer, ranked.image, ranked.outputs, 0)) == {"o"}
    onnx.checker.check_model(ranked.tracer.graph.model)
    assert found(rows, {"o": (5, 6)}) == {}
