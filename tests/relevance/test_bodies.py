"""If, Loop and Scan under methods that treat each node in its own way."""

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.model.obstacles import obstacles
from tests.small_models import model_of

IMAGE = np.random.default_rng(1).integers(30, 255, (4, 4), np.uint8)
LAST = "f = Flatten(z) y = MatMul(f, w)"
SHAPES = "one = Constant<value_int = 1>() n = Shape<start = 0, end = 1>(x) c = Equal(n, one) "
OF_VALUES = "m = ReduceMax<keepdims = 0>(x) o = Constant<value_float = 0.1>() c = Greater(m, o) "
EITHER = (
    "h = Abs(x) z = If (c) <then_branch = a () => (float[] t) {{ {then} }}, "
    "else_branch = b () => (float[] e) {{ e = Identity(h) }}> "
)
ROUNDS = (
    "h = Abs(x) k = Constant<value_int = 2>() z = Loop (k, , h) "
    "<body = b (int64 i, bool go, float[] s) => (bool on, float[] r) "
    "{{ on = Identity(go) {one} }}> "
)
MOVES = SHAPES + EITHER.format(then="t = Transpose<perm = [0, 1, 3, 2]>(h)") + LAST
TURNS = ROUNDS.format(one="r = Transpose<perm = [0, 1, 3, 2]>(s)") + LAST
RECTIFIES = SHAPES + EITHER.format(then="n2 = Exp(h) t = Relu(n2)") + LAST
GATES = ROUNDS.format(one="g = Sigmoid(s) r = Mul(s, g)") + LAST
SQUARES = ROUNDS.format(one="r = Mul(s, s)") + LAST
# What the two bodies come to, written without them: one turn, and two.
MOVED = "h = Abs(x) z = Transpose<perm = [0, 1, 3, 2]>(h) " + LAST
SAME = "z = Abs(x) " + LAST


def loaded(body):
    return onnxplain.load(model_of(body), preprocess="zero-one")


def explained(body, method, **settings):
    return loaded(body).explain(IMAGE, method, target=1, **settings).attribution


@pytest.mark.parametrize("method", ["lrp", "deeplift"])
@pytest.mark.parametrize(("body", "plain"), [(MOVES, MOVED), (TURNS, SAME)], ids=["If", "Loop"])
def test_a_body_that_only_moves_is_passed(method, body, plain):
    wanted = explained(plain, method)
    np.testing.assert_allclose(explained(body, method), wanted, rtol=1e-5, atol=1e-7)
    other = explained(SAME if plain is MOVED else MOVED, method)
    assert not np.allclose(other, wanted, rtol=1e-2)


@pytest.mark.parametrize("method", ["lrp", "deeplift"])
@pytest.mark.parametrize(
    ("body", "inside"),
    [(RECTIFIES, "Exp, Relu"), (GATES, "Mul, Sigmoid"), (SQUARES, "Mul")],
    ids=["activation", "gate", "product"],
)
def test_a_body_that_computes_is_refused_by_name(method, body, inside):
    operator = "If" if body is RECTIFIES else "Loop"
    with pytest.raises(MethodRefusedError, match=rf"{operator}.*'z'.*{inside}.*gradients"):
        explained(body, method)


def test_a_picture_that_decides_is_no_finite_difference():
    body = OF_VALUES + EITHER.format(then="t = Transpose<perm = [0, 1, 3, 2]>(h)") + LAST
    with pytest.raises(MethodRefusedError, match="a condition that depends on the picture"):
        explained(body, "deeplift")
    np.testing.assert_allclose(explained(body, "lrp"), explained(MOVED, "lrp"), rtol=1e-5)


@pytest.mark.parametrize("method", ["guided-backprop", "deconvnet"])
@pytest.mark.parametrize("body", [RECTIFIES, GATES], ids=["Relu", "SiLU"])
def test_activations_inside_are_not_passed_over_by_rectified_gradients(method, body):
    # An activation outside does not hide the one inside.
    with pytest.raises(MethodRefusedError, match=r"(If|Loop) \(tensor 'z'\): (Relu|Mul)"):
        explained(body.replace("h = Abs(x)", "h = Relu(x)"), method)


def test_a_body_without_activations_is_passed_by_rectified_gradients():
    relu = SQUARES.replace("h = Abs(x)", "h = Relu(x)")
    guided, plain = (explained(relu, m) for m in ("guided-backprop", "gradient"))
    # Every pixel is positive, so the filter is all that tells the two apart.
    np.testing.assert_allclose(guided, np.maximum(plain, 0), rtol=1e-5)
    assert (plain < 0).any()


@pytest.mark.parametrize(("body", "possible"), [(MOVES, True), (RECTIFIES, False)])
def test_what_is_possible_is_said_before_it_runs(body, possible):
    found = obstacles(loaded(body).network)["lrp"]
    assert (found == "") == possible, found
