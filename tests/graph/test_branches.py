"""An If whose condition is known becomes its branch; a kept one hides no reader."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import onnxplain
from onnxplain.graph.prepare import prepare
from tests.small_models import model_of

X = np.random.default_rng(0).standard_normal((2, 3, 1, 4)).astype(np.float32)


def parsed(body, *, shape="N,3,1,4", constants=""):
    return onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 17]> g (float[{shape}] x) => (float[] y) '
        f"<{constants}> {{ {body} }}"
    )


def either(condition, then, other):
    """Text of an If: `then` makes t, `other` makes e, and the result is z."""
    return (
        f"z = If ({condition}) <then_branch = a () => (float[] t) {{ {then} }}, "
        f"else_branch = b () => (float[] e) {{ {other} }}>"
    )


def agrees(proto):
    wanted, got = (ReferenceEvaluator(p).run(None, {"x": X}) for p in (proto, prepare(proto).model))
    for one, other in zip(wanted, got, strict=True):
        np.testing.assert_array_equal(other, one)
    return [n.op_type for n in prepare(proto).nodes]


YES, NO = "bool yes = {1}", "bool yes = {0}"


@pytest.mark.parametrize(("constant", "operators"), [(YES, ["Relu", "Neg"]), (NO, ["Abs", "Neg"])])
def test_a_constant_condition_takes_its_branch(constant, operators):
    body = either("yes", "t = Relu(x)", "e = Abs(x)") + " y = Neg(z)"
    assert agrees(parsed(body, constants=constant)) == operators


def test_a_branch_in_a_branch():
    inner = either("yes", "t = Neg(h)", "e = Abs(h)").replace("z =", "q =")
    body = either("yes", f"h = Relu(x) {inner} t = Exp(q)", "e = Abs(x)") + " y = Identity(z)"
    assert agrees(parsed(body, constants=YES)) == ["Relu", "Neg", "Exp"]


def test_a_branch_that_hands_on_what_it_captures():
    body = "h = Relu(x) " + either("yes", "t = Identity(h)", "e = Neg(h)") + " y = Add(z, h)"
    assert agrees(parsed(body, constants=YES)) == ["Relu", "Add"]


def test_a_branch_that_makes_an_output():
    proto = parsed(either("yes", "t = Relu(x)", "e = Neg(x)"), constants=YES)
    proto.graph.output[0].name = "z"
    assert agrees(proto) == ["Relu"]
    assert [o.name for o in prepare(proto).outputs] == ["z"]


def test_a_branch_that_makes_two_outputs_of_one_tensor():
    proto = parsed(
        "u, v = If (yes) <then_branch = a () => (float[] t, float[] t2) "
        "{ h = Relu(x) t = Identity(h) t2 = Identity(h) }, "
        "else_branch = b () => (float[] e, float[] e2) { e = Neg(x) e2 = Abs(x) }> y = Mul(u, v)",
        constants=YES,
    )
    assert agrees(proto) == ["Relu", "Mul"]


def test_branches_may_use_one_name_for_their_own_tensors():
    one = either("yes", "h = Relu(x) t = Neg(h)", "e = Abs(x)").replace("z =", "p =")
    two = either("yes", "h = Exp(x) t = Abs(h)", "e = Abs(x)").replace("z =", "q =")
    proto = parsed(f"{one} {two} y = Add(p, q)", constants=YES)
    assert agrees(proto) == ["Relu", "Neg", "Exp", "Abs", "Add"]


def test_constants_of_a_branch_come_along():
    branch = "w = Constant<value_float = 3.0>() t = Mul(x, w)"
    one = either("yes", branch, "e = Abs(x)").replace("z =", "p =")
    two = either("yes", branch.replace("3.0", "5.0"), "e = Abs(x)").replace("z =", "q =")
    proto = parsed(f"{one} {two} y = Add(p, q)", constants=YES)
    assert agrees(proto) == ["Mul", "Mul", "Add"]


# As PyTorch's older exporter writes squeeze(2) of a tensor whose shape it lost.
SQUEEZE = (
    "h = Relu(x) s = Shape(h) two = Constant<value_int = 2>() n = Gather<axis = 0>(s, two) "
    "one = Constant<value_int = 1>() c = Equal(n, one) axes = Constant<value_ints = [2]>() "
    + either("c", "t = Squeeze(h, axes)", "e = Identity(h)")
    + " y = Neg(z)"
)


def test_a_length_that_is_known_decides():
    assert agrees(parsed(SQUEEZE)) == ["Relu", "Squeeze", "Neg"]


def test_a_length_that_is_free_decides_nothing():
    free = parsed(SQUEEZE, shape="N,3,M,4")
    operators = agrees(free)
    assert "If" in operators
    assert "Shape" in operators


def test_all_lengths_known_at_once():
    body = (
        "s = Shape<start = 1, end = 3>(x) want = Constant<value_ints = [3, 1]>() "
        "same = Equal(s, want) i = Cast<to = 6>(same) m = ReduceMin<keepdims = 0>(i) "
        "c = Cast<to = 9>(m) " + either("c", "t = Relu(x)", "e = Neg(x)") + " y = Abs(z)"
    )
    assert agrees(parsed(body)) == ["Relu", "Abs"]


LAST = "f = Flatten(q) y = MatMul(f, w)"
UNDECIDED = (
    "h = Relu(x) k = Abs(x) m = ReduceMax<keepdims = 0>(x) o = Constant<value_float = 0.5>() "
    "c = Greater(m, o) " + either("c", "t = Neg(h)", "n = Exp(k) e = Neg(n)") + " q = Sin(z) "
)  # fmt: skip
LOOP = (
    "h = Relu(x) k = Abs(x) n = Constant<value_int = 2>() yes = Constant<value = bool {1}>() "
    "q = Loop (n, yes, h) <body = b (int64 i, bool go, float[] s) => (bool on, float[] r) "
    "{ on = Identity(go) r = Add(s, k) }> "
)
SCAN = (
    "h = Relu(x) k = Abs(x) "
    "q, all = Scan <num_scan_inputs = 1, body = b (float[] s, float[] row) => "
    "(float[] r, float[] row2) { v = Add(s, k) r = Mul(v, row) row2 = Identity(row) }> (h, two) "
)


@pytest.fixture(params=["If", "Loop", "Scan"])
def kept(request):
    """A classifier that keeps its control flow, and what its body captures."""
    body = {"If": UNDECIDED, "Loop": LOOP, "Scan": SCAN}[request.param]
    proto = model_of(body + LAST)
    if request.param == "Scan":
        two = np.array([[1.5], [0.5]], np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(two, "two"))
    return request.param, proto


def test_what_a_body_captures_is_read(kept):
    operator, proto = kept
    graph = prepare(proto)
    node = next(n for n in graph.nodes if n.op_type == operator)
    assert "k" in node.captured
    assert set(node.captured) <= {"h", "k"}
    assert node in graph.consumers["k"]
    assert {"k", "h", "x"} <= graph.ancestors("y")
    assert "y" in graph.descendants(["k"])


def test_forward_methods_and_gradients_work(kept):
    _, proto = kept
    model = onnxplain.load(proto, preprocess="zero-one")
    image = np.random.default_rng(1).integers(0, 255, (4, 4), np.uint8)
    x = model.read(image).x
    found = model.explain(image, "occlusion", window=1, kind="logit")
    slopes = model.explain(image, "gradient", target=found.target.index, kind="logit")

    def change(low, high):
        y = [ReferenceEvaluator(proto).run(None, {"x": v})[0][0] for v in (low, high)]
        return y[1][found.target.index] - y[0][found.target.index]

    for place in ((0, 0), (2, 3)):
        covered, low, high = x.copy(), x.copy(), x.copy()
        covered[(..., *place)] = x.mean()
        assert found.attribution[place] == pytest.approx(change(covered, x), rel=1e-4)
        low[(..., *place)] -= 1e-3
        high[(..., *place)] += 1e-3
        slope = change(low, high) / 2e-3
        assert slopes.attribution[(..., *place)].item() == pytest.approx(slope, rel=2e-2, abs=2e-3)
