"""Vectors of length one, in the ways in which exporters write them."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.answers.normalised import normalisation
from onnxplain.graph.view import Graph
from tests.graph.written import model

LENGTH = "n = ReduceL2<axes = [1], keepdims = 1>(v)"
UNIT = {
    "node": "y = LpNormalization<axis = 1, p = 2>(v)",
    "PyTorch": f"{LENGTH} c = Clip(n, tiny) s = Shape(v) e = Expand(c, s) y = Div(v, e)",
    "squares": "q = Mul(v, v) n = ReduceSum<keepdims = 1>(q, one) r = Sqrt(n) y = Div(v, r)",
    "powers": "a = Abs(v) q = Pow(a, two) n = ReduceSum<keepdims = 1>(q, one) r = Sqrt(n) "
    "y = Div(v, r)",
    "Keras": "n = ReduceSumSquare<axes = [1], keepdims = 1>(v) m = Max(n, tiny) r = Sqrt(m) "
    "i = Reciprocal(r) y = Mul(i, v)",
}
NONE = {
    "sum of magnitudes": "y = LpNormalization<axis = 1, p = 1>(v)",
    "length of another": "n = ReduceL2<axes = [1], keepdims = 1>(u) y = Div(v, n)",
    "cubes": "q = Pow(v, three) n = ReduceSum<keepdims = 1>(q, one) y = Div(v, n)",
    "maximum": "n = ReduceMax<axes = [1], keepdims = 1>(v) y = Div(v, n)",
    "sum": f"{LENGTH} y = Add(v, n)",
}
CONSTANTS = {
    "tiny": np.float32(1e-12),
    "one": np.array([1]),
    "two": np.float32(2),
    "three": np.float32(3),
}


def made(body):
    return model(f"v = Relu(x) u = Neg(x) {body}", "float[2,5] x", "float[2,5] y", **CONSTANTS)


@pytest.mark.parametrize("form", UNIT)
def test_every_form_is_found_and_is_one(form):
    proto = made(UNIT[form])
    part = normalisation(Graph(proto), {"y": (2, 5)}, "y")
    assert (part.kind, part.anchor.tensor) == ("unit", "y")
    x = np.random.default_rng(0).uniform(1, 2, (2, 5)).astype(np.float32)
    (y,) = ReferenceEvaluator(proto).run(["y"], {"x": x})
    # Float32 rounds each of five squares by a few units in the last place.
    assert np.abs((y.astype(float) ** 2).sum(axis=1) - 1).max() < 40 * np.finfo(np.float32).eps


@pytest.mark.parametrize("form", NONE)
def test_other_divisions_are_none(form):
    assert normalisation(Graph(made(NONE[form])), {"y": (2, 5)}, "y") is None
