"""Scores and slopes in nodes are those of the reading, for every activation and form."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from onnxplain.export.targets.explained import Pass
from onnxplain.export.targets.reading import real_of, write_scores, write_slopes
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts
from onnxplain.targets.reading import Piece, Reading
from tests.convert.oracle import session

RNG = np.random.default_rng(0)
PICKED = np.array([[5, 0, 5], [1, 2, 3]])
# Pieces, axis of the classes, shape of the tensor.
WAYS = {
    "vector": ((Piece("x"),), 0, (2, 4)),
    "classes-last": ((Piece("x"),), 2, (2, 3, 2, 4)),
    "classes-between": ((Piece("x"),), 1, (2, 3, 4, 2)),
    "picked-twice": ((Piece("x", PICKED),), 1, (2, 6)),
    "joined": ((Piece("x"), Piece("x", np.array([2, 0]))), 0, (2, 4)),
    "one-number": ((Piece("x"),), 0, (2,)),
    "batch-second": ((Piece("x", batch_axis=1),), 1, (3, 2, 4)),
    "no-batch": ((Piece("x", batch_axis=None),), 0, (4, 3)),
}


@pytest.mark.parametrize("activation", ["none", "softmax", "softmin", "sigmoid", "exp"])
@pytest.mark.parametrize("way", WAYS)
def test_as_numpy_reads_them(way, activation):
    pieces, axis, shape = WAYS[way]
    check(Reading(pieces, axis, activation, scale=0.5, offset=2.0), shape)


@pytest.mark.parametrize("sides", ["logit", "probability"])
def test_both_sides_of_one_score(sides):
    activation = "sigmoid" if sides == "probability" else "none"
    check(Reading((Piece("x"),), 0, activation, two_sided=sides), (2, 1, 3))


def check(reading, shape):
    batch = {p.batch_axis for p in reading.pieces}.pop()
    x = RNG.normal(size=shape)
    known = tuple(None if k == batch else n for k, n in enumerate(shape))
    facts = Facts({"x": known}, {"x": np.dtype(np.float64)})
    expected = np.moveaxis(reading.read({"x": x}), 1 + reading.axis, 1)
    whole = expected.shape[:2]
    flat = expected.reshape(*whole, -1)
    weights = RNG.normal(size=flat.shape)
    build = Builder(["x", "w"], [], 17)
    at = Pass(build, facts, {})
    real = real_of(facts, reading)
    scores = write_scores(at, reading, real)
    slopes = write_slopes(at, reading, "w", real)["x"]
    found, back = run(build, (scores, slopes), {"x": x, "w": weights})
    np.testing.assert_allclose(found, flat, rtol=1e-12)
    turned = np.moveaxis(weights.reshape(expected.shape), 1, 1 + reading.axis)
    np.testing.assert_allclose(back, reading.slopes({"x": x}, turned)["x"], rtol=1e-10, atol=1e-12)


def run(build, wanted, feeds):
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.DOUBLE, [f"{n}{k}" for k in range(v.ndim)])
        for n, v in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in wanted]
    graph = helper.make_graph(
        [*build.fixed, *build.nodes], "g", inputs, outputs, build.initializers
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return session(made).run(list(wanted), feeds)
