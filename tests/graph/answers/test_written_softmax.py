"""Softmax written with Exp and sums, against the Softmax of what is said to stand in front."""

import numpy as np
import pytest
from heads import VECTOR, model, pictures, values
from scipy.special import softmax

from onnxplain.graph.answers.written_softmax import reduced_axes, written_softmax
from onnxplain.graph.view import Graph
from tests.graph.answers.shaped import traced
from tests.graph.written import graph

SUM = "t = ReduceSum(e, l1) "
Z = f"{VECTOR} z = MatMul(f, w4) "
MOST = "m = ReduceMax<axes=[1]>(z) c = Sub(z, m) "
WRITTEN = {
    "quotient": Z + "e = Exp(z) " + SUM + "out = Div(e, t)",
    "less the largest": Z + MOST + "e = Exp(c) " + SUM + "out = Div(e, t)",
    "product with the reciprocal": Z + "e = Exp(z) " + SUM + "r = Reciprocal(t) out = Mul(e, r)",
    "the other way round": Z + "e = Exp(z) " + SUM + "r = Reciprocal(t) out = Mul(r, e)",
    "sum of amounts": Z + "e = Exp(z) t = ReduceL1<axes=[1]>(e) out = Div(e, t)",
    "a guarded divisor": Z + "e = Exp(z) " + SUM + "g = Add(t, tiny) out = Div(e, g)",
    "a clipped divisor": Z + "e = Exp(z) " + SUM + "g = Clip(t, tiny) out = Div(e, g)",
    "a repeated divisor": Z + "e = Exp(z) " + SUM + "g = Expand(t, size) out = Div(e, g)",
    "difference of logarithms": Z + "e = Exp(z) " + SUM + "l = Log(t) out = Sub(z, l)",
    "the same less the largest": Z + MOST + "e = Exp(c) " + SUM + "l = Log(t) out = Sub(c, l)",
    "logarithm of the sum": Z + "l = ReduceLogSumExp<axes=[1]>(z) out = Sub(z, l)",
}
EXTRA = {"tiny": np.array(1e-30), "size": np.array([1, 4])}


def parts(body, output="double[N,4] out", extra=EXTRA):
    made = model(body, [output], extra=extra)
    found = traced(made).tracer
    return found, written_softmax(found.graph, found.shapes, found.graph.producers["out"]), made


@pytest.mark.parametrize("name", WRITTEN)
def test_it_is_the_softmax_of_its_logits(name):
    found, part, made = parts(WRITTEN[name])
    held = values(found.graph, pictures(made))
    probability = held["out"]
    if part.kind == "log-softmax":
        probability = np.exp(probability)
    # Double precision: a few roundings of a sum of four terms.
    np.testing.assert_allclose(probability, softmax(held[part.logit.tensor], axis=part.axes),
                               rtol=1e-12)  # fmt: skip
    assert part.axes == (1,)
    assert part.logit.tensor == "z"  # also where the largest was taken off
    assert (part.kind == "log-softmax") == ("Sub" in WRITTEN[name].split("out = ")[1])


DIVIDED = {
    "of what is not negative": Z + "e = Abs(z) " + SUM + "out = Div(e, t)",
    "of a Sigmoid": Z + "e = Sigmoid(z) " + SUM + "out = Div(e, t)",
    "moved": Z + "s = Abs(z) e = Transpose<perm=[0,1]>(s) " + SUM + "out = Div(e, t)",
    "scaled and shifted": Z + "s = Abs(z) k = Mul(s, two) e = Add(k, half) " + SUM
    + "out = Div(e, t)",
    "clipped": Z + "e = Clip(z, half) " + SUM + "out = Div(e, t)",
}  # fmt: skip


@pytest.mark.parametrize("name", DIVIDED)
def test_a_division_by_the_sum_has_probabilities_but_no_logits(name):
    found, part, made = parts(DIVIDED[name])
    held = values(found.graph, pictures(made))["out"]
    assert (part.kind, part.logit, part.held.tensor, part.axes) == ("softmax", None, "out", (1,))
    assert (held >= 0).all()
    np.testing.assert_allclose(held.sum(axis=1), 1, rtol=1e-12)


NONE = {
    "numbers of both signs": Z + "e = Identity(z) " + "t = ReduceSum(z, l1) out = Div(z, t)",
    "a negative factor": Z + "s = Abs(z) e = Mul(s, minus) " + SUM + "out = Div(e, t)",
    "shifted below zero": Z + "s = Abs(z) e = Sub(s, one) " + SUM + "out = Div(e, t)",
    "the sum of others": Z + "e = Exp(z) o = Relu(z) t = ReduceSum(o, l1) out = Div(e, t)",
    "a large number in the divisor": Z + "e = Exp(z) " + SUM + "g = Add(t, one) out = Div(e, g)",
    "no sum": Z + "e = Exp(z) t = ReduceMean<axes=[1]>(e) out = Div(e, t)",
    "a difference of others": Z + "n = Neg(z) e = Exp(n) " + SUM + "l = Log(t) out = Sub(z, l)",
    "no logarithm": Z + "e = Exp(z) t = ReduceSum(e, l1) out = Sub(z, t)",
    "another operator": Z + "e = Exp(z) " + SUM + "out = Add(e, t)",
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_softmax(name):
    assert parts(NONE[name])[1] is None


@pytest.mark.parametrize(
    ("body", "constants", "expected"),
    [
        ("y = ReduceSum(x, k)", {"k": [-1, 0]}, (0, 3)),
        ("y = ReduceMean<axes = [2,-3]>(x)", {}, (1, 2)),
        ("y = ReduceSum(x)", {}, (0, 1, 2, 3)),
        ("y = ReduceSum<noop_with_empty_axes = 1>(x)", {}, ()),
    ],
)
def test_axes_of_a_reduction(body, constants, expected):
    made = graph(body, **constants)
    assert reduced_axes(made, made.nodes[0], 4) == expected


def test_axes_that_are_computed():
    made: Graph = graph("y = ReduceSum(x, k)", "float[N,3,4,6] x, int64[1] k")
    assert reduced_axes(made, made.nodes[0], 4) is None
