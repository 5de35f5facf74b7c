"""If, Loop and Scan: ONNX Runtime's values, and gradients that finite differences confirm."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from onnxplain.convert import missing_operators, to_torch
from onnxplain.errors import ConversionError
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph
from tests.convert.oracle import session

X = np.random.default_rng(0).uniform(0.2, 1.2, (3, 2)).astype(np.float32)
TWO = "<float[2] w = {0.7, -1.3}, bool yes = {1}, int64 three = {3}, int64 none = {0}>"


def model_of(body, outputs="float[] y", opset=17, constants=TWO):
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[N,2] x) => ({outputs}) '
        f"{constants} {{ {body} }}"
    )


IF = (
    "m = ReduceMax<keepdims = 0>(x) half = Constant<value_float = 0.5>() c = Greater(m, half) "
    "h = Exp(x) y = If (c) <then_branch = a () => (float[N,2] t) { t = Mul(h, w) }, "
    "else_branch = b () => (float[N,2] e) { s = Sin(x) e = Mul(s, h) }>"
)
IF_IN_LOOP = (
    "y = Loop (three, yes, x) <body = b (int64 i, bool go, float[N,2] c) "
    "=> (bool on, float[N,2] d) { on = Identity(go) one = Constant<value_int = 1>() "
    "first = Less(i, one) d = If (first) "
    "<then_branch = p () => (float[N,2] t) { t = Mul(c, w) }, "
    "else_branch = q () => (float[N,2] e) { u = Tanh(c) e = Add(u, x) }> }>"
)
WHILE = (
    "y, rows = Loop (, yes, x) <body = b (int64 i, bool go, float[N,2] c) "
    "=> (bool on, float[N,2] d, float[N,2] r) { d = Add(c, x) top = ReduceMax<keepdims = 0>(d) "
    "five = Constant<value_float = 5.0>() on = Less(top, five) r = Mul(d, c) }>"
)
FOR = (
    "y, rows, counts = Loop ({count}, , x) <body = b (int64 i, bool go, float[N,2] c) "
    "=> (bool on, float[N,2] d, float[N,2] r, int64 k) {{ on = Identity(go) f = Cast<to = 1>(i) "
    "d = Add(c, f) r = Sin(d) k = Identity(i) }}>"
)
OBEYS = (
    "y, rows = Loop (three, , x) <body = b (int64 i, bool go, float[N,2] c) "
    "=> (bool on, float[N,2] d, float[N,2] r) { one = Constant<value_int = 1>() "
    "on = Less(i, one) d = Add(c, c) r = Identity(d) }>"
)
SCAN = (
    "t = Transpose(x) s = Mul(w, w) last, rows, sums = Scan <num_scan_inputs = 2, "
    "scan_input_axes = [0, 1], scan_input_directions = [1, 0], scan_output_axes = [1, -1], "
    "scan_output_directions = [0, 1], body = b (float[2] c, float[2] p, float[2] q) "
    "=> (float[2] d, float[2] r, float[2] z) "
    "{ e = Mul(c, p) d = Add(e, q) r = Tanh(d) z = Add(p, s) }> (w, x, t) y = Identity(last)"
)
SCAN_8 = (
    "b = Unsqueeze<axes = [0]>(x) both = Concat<axis = 0>(b, b) start = Constant<value = "
    "float[2,2] {0.1, 0.2, 0.3, 0.4}>() lengths = Constant<value = int64[2] {3, 2}>() "
    "y, rows = Scan <num_scan_inputs = 1, directions = [1], body = b (float[2] c, float[2] p) "
    "=> (float[2] d, float[2] r) { e = Mul(c, w) d = Add(e, p) r = Mul(d, p) }> "
    "(lengths, start, both)"
)
NONE = "float[] y, float[] rows, int64[] counts"
CASES = {
    "if": (model_of(IF), X),
    "the other branch": (model_of(IF), X - 0.8),
    "if in a loop": (model_of(IF_IN_LOOP), X),
    "while": (model_of(WHILE, "float[] y, float[] rows"), X),
    "for": (model_of(FOR.format(count="three"), NONE), X),
    "no round": (model_of(FOR.format(count="none"), NONE), X),
    "a loop obeys": (model_of(OBEYS, "float[] y, float[] rows"), X),
    "scan": (model_of(SCAN, "float[] y, float[] rows, float[] sums"), X),
    "scan of opset 8": (model_of(SCAN_8, "float[] y, float[] rows", 8), X),
}


def wanted(model, x):
    names = [o.name for o in model.graph.output]
    return dict(zip(names, session(model).run(names, {"x": x}), strict=True))


@pytest.mark.parametrize("read", [Graph, prepare], ids=["as it is", "prepared"])
@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_onnx_runtime(case, read):
    model, x = CASES[case]
    expected = wanted(model, x)
    got = to_torch(read(model)).run({"x": torch.from_numpy(x)}, list(expected))
    for name, array in expected.items():
        assert got[name].shape == array.shape, name
        assert got[name].numpy().dtype == array.dtype, name
        np.testing.assert_allclose(got[name].numpy(), array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_finite_differences(case):
    model, x = CASES[case]
    program = to_torch(prepare(model), double=True)
    names = [o.name for o in model.graph.output if o.name != "counts"]
    leaf = torch.from_numpy(x).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda t: tuple(v for v in program.run({"x": t}, names).values() if v.numel()), leaf
    )


def test_the_branch_not_taken_leaves_no_gradient():
    model, x = CASES["if"]
    program = to_torch(prepare(model), double=True)
    leaf = torch.from_numpy(x).double().requires_grad_()
    program.run({"x": leaf}, ["y"])["y"].sum().backward()
    w = torch.tensor([0.7, -1.3], dtype=torch.float32).double()
    torch.testing.assert_close(leaf.grad, leaf.detach().exp() * w)


def test_the_trip_count_may_be_computed():
    body = "n = Shape<start = 0, end = 1>(x) q = Squeeze(n) " + FOR.format(count="q")
    model = model_of(body, NONE)
    for count in (1, 4):
        x = np.repeat(X[:1], count, 0)
        got = to_torch(prepare(model)).run({"x": torch.from_numpy(x)}, ["rows"])
        assert got["rows"].shape == (count, count, 2)
        np.testing.assert_allclose(got["rows"].numpy(), wanted(model, x)["rows"], rtol=1e-5)


def test_a_condition_of_several_values_is_refused_as_onnx_runtime_does():
    body = (
        "z = ReduceMax<axes = [1], keepdims = 0>(x) c = Cast<to = 9>(z) y = If (c) "
        "<then_branch = a () => (float[N,2] t) { t = Neg(x) }, "
        "else_branch = b () => (float[N,2] e) { e = Abs(x) }>"
    )
    model = model_of(body)
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match="exactly one"):
        wanted(model, X)
    with pytest.raises(ConversionError, match=r"If \(tensor 'y'\): .*exactly one value, not 3"):
        to_torch(prepare(model)).run({"x": torch.from_numpy(X)}, ["y"])


def test_scanning_sequences_of_unequal_length_is_refused():
    model = model_of(
        "last, y = Scan <num_scan_inputs = 2, body = b (float[2] c, float[2] p, float[2] q) "
        "=> (float[2] d, float[2] r) { d = Add(c, p) r = Add(d, q) }> (w, x, v)",
        constants="<float[2] w = {1, 2}, float[1,2] v = {1, 2}>",
    )
    with pytest.raises(ConversionError, match="lengths 3, 1"):
        to_torch(prepare(model)).run({"x": torch.from_numpy(X)}, ["y"])


def test_operators_missing_inside_of_bodies_are_in_the_one_error():
    body = (
        "k = Bernoulli(x) y = Loop (three, yes, k) <body = b (int64 i, bool go, float[N,2] c) "
        "=> (bool on, float[N,2] d) { on = Identity(go) d = If (go) "
        "<then_branch = p () => (float[N,2] t) { t = RandomNormalLike(c) }, "
        "else_branch = q () => (float[N,2] e) { e = Bernoulli(c) }> }>"
    )
    graph = prepare(model_of(body))
    assert missing_operators(graph) == ["Bernoulli-15", "RandomNormalLike-1"]
    with pytest.raises(ConversionError, match=r"Bernoulli-15 \(2 nodes.*RandomNormalLike-1 \(1"):
        to_torch(graph)


def test_a_form_refused_inside_of_a_body_is_named_once():
    body = (
        "y = Loop (three, yes, x) <body = b (int64 i, bool go, float[N,2] c) "
        "=> (bool on, float[N,2] d) { on = Identity(go) "
        "f = Cast<to = 17>(c) d = Cast<to = 1>(f) }>"
    )
    model = model_of(body, opset=19)
    with pytest.raises(ConversionError) as caught:
        to_torch(prepare(model))
    message = str(caught.value)
    assert "FLOAT8E4M3FN" in message
    assert message.count("still work") == 1
