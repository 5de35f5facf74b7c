"""Operators without weights: each against its rule as a matrix, from its numeric Jacobian."""

import numpy as np
import pytest
from handmade import computed, model, walk
from operator_forms import (
    AVERAGING_FORMS,
    CHOOSING_FORMS,
    CONSTANTS,
    ELEMENTWISE_FORMS,
    HOMOGENEOUS_FORMS,
    LINEAR_FORMS,
    MOVING_FORMS,
    RANKS,
    READING_FORMS,
    SCALING_FORMS,
)
from originals import difference

from onnxplain.errors import MethodRefusedError
from onnxplain.relevance.composites import composite
from onnxplain.relevance.kinds import (
    AVERAGING,
    BILINEAR,
    CHOOSING,
    ELEMENTWISE,
    HOMOGENEOUS,
    LINEAR_MAPS,
    MOVING,
    NORMALISING,
    READING,
    RULED,
    SCALING,
)

EPSILON = 0.25
TOLERANCE = 1e-7  # of the Jacobian by central differences

# Tested one by one below, or with their weights in test_rules.py and test_merge.py.
ELSEWHERE = {
    "BatchNormalization",
    "Mul",
    "Div",
    "Conv",
    "ConvTranspose",
    "Softmax",
    "LogSoftmax",
    "ReduceLogSum",
    "com.microsoft::NhwcMaxPool",
    *BILINEAR,
}


def build(op, form):
    body, opset = form
    words = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    used = {k: v for k, v in CONSTANTS.items() if k in words}
    axes = ",".join("NCHWDEFG"[: RANKS.get(op, 4)])
    return model(body, used, output=f"float[{axes}] scores", opset=opset)


def case(op, form):
    """Model, positive input away from kinks, output, Jacobian, relevance."""
    proto = build(op, form)
    rng = np.random.default_rng(0)
    x = rng.uniform(0.35, 0.95, (1, 3, 6, 6))
    y = computed(proto)(x)
    R = rng.normal(size=y.size)
    return proto, x, y.ravel(), R


def jacobian(proto, x, step=1e-6):
    """(outputs, inputs) matrix of central differences, one input at a time."""
    forward = computed(proto)
    columns = []
    for unit in np.eye(x.size).reshape(-1, *x.shape):
        high, low = forward(x + step * unit), forward(x - step * unit)
        columns.append((high - low).ravel() / (2 * step))
    return np.stack(columns, axis=1)


def received(proto, x, R, name="image"):
    rules = composite("epsilon", epsilon=EPSILON)
    return walk(proto, x, R, rules, names=(name,)).relevance[name].numpy()


@pytest.mark.parametrize("op", sorted(ELEMENTWISE))
def test_elementwise_operators_pass_relevance_on(op):
    proto, x, _, R = case(op, ELEMENTWISE_FORMS[op])
    np.testing.assert_allclose(received(proto, x, R).ravel(), R, rtol=1e-15)


@pytest.mark.parametrize("op", sorted(MOVING))
def test_moving_operators_bring_relevance_back_to_where_it_came_from(op):
    proto, x, _, R = case(op, MOVING_FORMS[op])
    expected = jacobian(proto, x).T @ R
    assert difference(received(proto, x, R).ravel(), expected) < TOLERANCE


SHARING = {**AVERAGING_FORMS, **LINEAR_FORMS, **READING_FORMS, **HOMOGENEOUS_FORMS}


@pytest.mark.parametrize("op", sorted(SHARING))
def test_linear_and_homogeneous_operators_share_by_contribution(op):
    proto, x, y, R = case(op, SHARING[op])
    quotient = R / HOMOGENEOUS.get(op, 1) / (y + EPSILON * np.where(y < 0, -1, 1))
    expected = x.ravel() * (jacobian(proto, x).T @ quotient)
    assert difference(received(proto, x, R).ravel(), expected) < TOLERANCE


@pytest.mark.parametrize("op", sorted(CHOOSING_FORMS))
def test_choosing_operators_bring_relevance_back_to_where_it_came_from(op):
    proto, x, _, R = case(op, CHOOSING_FORMS[op])
    expected = jacobian(proto, x).T @ R
    assert difference(received(proto, x, R).ravel(), expected) < TOLERANCE


@pytest.mark.parametrize("op", sorted(SCALING_FORMS))
def test_a_norm_that_divides_is_held_constant(op):
    proto, x, _, R = case(op, SCALING_FORMS[op])
    np.testing.assert_array_equal(received(proto, x, R).ravel(), R)


NORMS = {
    "ReduceL1": abs,
    "ReduceL2": np.square,
    "ReduceSumSquare": np.square,
    "ReduceLogSum": abs,
}


@pytest.mark.parametrize("op", sorted(NORMS))
def test_norms_give_each_element_its_part_of_the_sum_under_them(op):
    """R_i = p_i / sum(p) R with p the power that is summed: nothing is lost, nothing grows."""
    proto = model(f"scores = {op}<axes = [2,3]>(image)", output="float[N,C,H,W] scores")
    x = np.random.default_rng(0).uniform(0.2, 0.9, (1, 3, 6, 6))
    x *= 1.0 if op == "ReduceLogSum" else np.random.default_rng(2).choice([-1, 1], x.shape)
    R = np.random.default_rng(1).normal(size=(1, 3, 1, 1))
    found = walk(proto, x, R, composite("epsilon", epsilon=0.0)).relevance["image"].numpy()
    parts = NORMS[op](x)
    expected = np.zeros_like(x)
    for c in range(3):
        for i in range(6):
            for j in range(6):
                expected[0, c, i, j] = parts[0, c, i, j] / parts[0, c].sum() * R[0, c, 0, 0]
    assert difference(found, expected) < 1e-14
    assert found.sum() == pytest.approx(R.sum(), rel=1e-13)


def test_a_norm_of_zeros_hands_nothing_on():
    proto = model("scores = ReduceL2<axes = [2,3]>(image)", output="float[N,C,H,W] scores")
    x = np.zeros((1, 3, 6, 6))
    assert not received(proto, x, np.ones((1, 3, 1, 1))).any()


def test_logarithm_of_softmax_has_the_rule_of_softmax():
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6))
    R = np.random.default_rng(1).normal(size=x.shape)
    found = [
        received(model(f"scores = {op}(image)", output="float[N,C,H,W] scores"), x, R)
        for op in ("LogSoftmax", "Softmax")
    ]
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    assert difference(found[0], x * (R - p * R.sum(-1, keepdims=True))) < 1e-13
    assert difference(found[0], found[1]) < 1e-13


def test_channels_last_maximum_of_onnx_runtime():
    body = "scores = com.microsoft.NhwcMaxPool<kernel_shape = [3,2]>(q)"
    body = f"q = QuantizeLinear(image, c, z) {body.replace('scores', 'm')}"
    body += " scores = DequantizeLinear(m, c, z)"
    proto = model(body, {"c": np.array(0.01), "z": np.array(3, np.uint8)},
                  output="float[N,C,H,W] scores")  # fmt: skip
    x = np.random.default_rng(0).uniform(0.1, 0.9, (1, 3, 6, 6))
    y = computed(proto)(x)
    R = np.random.default_rng(1).normal(size=y.shape)
    expected = np.zeros_like(x)
    rounded = np.round(x / 0.01)
    for i, j, k in np.ndindex(*y.shape[1:]):
        window = rounded[0, i : i + 3, j : j + 2, k]
        a, b = np.unravel_index(window.argmax(), window.shape)
        expected[0, i + a, j + b, k] += R[0, i, j, k]
    np.testing.assert_allclose(received(proto, x, R), expected, atol=1e-12)


def test_every_operator_that_is_said_to_have_a_rule_is_tested():
    forms = (ELEMENTWISE_FORMS, MOVING_FORMS, CHOOSING_FORMS, SCALING_FORMS, SHARING)
    tested = set().union(*forms, NORMALISING, ELSEWHERE)
    assert tested == RULED
    groups = (
        ELEMENTWISE, MOVING, AVERAGING, NORMALISING, READING, LINEAR_MAPS, HOMOGENEOUS, CHOOSING,
        SCALING, BILINEAR,
    )  # fmt: skip
    assert sum(map(len, groups)) == len(frozenset().union(*groups))


def test_addition_of_two_signals():
    body = "a = Relu(image) b = Sigmoid(image) scores = Add(a, b)"
    proto, x, _, R = case("Add", (body, 17))
    a, b = x, 1 / (1 + np.exp(-x))
    share = R.reshape(x.shape) / (a + b + EPSILON)
    np.testing.assert_allclose(received(proto, x, R, "a"), a * share, rtol=1e-12)
    np.testing.assert_allclose(received(proto, x, R, "b"), b * share, rtol=1e-12)


def test_batch_norm_that_nothing_can_take_in_passes_relevance_on():
    body = "r = Relu(image) scores = BatchNormalization(r, c3, d3, c3, d3)"
    constants = {"c3": np.array([0.3, 0.4, 0.5]), "d3": np.array([0.6, 0.7, 0.8])}
    proto = model(body, constants, output="float[N,C,H,W] scores")
    x = np.random.default_rng(0).uniform(0.35, 0.95, (1, 3, 6, 6))
    R = np.random.default_rng(1).normal(size=x.shape)
    np.testing.assert_allclose(received(proto, x, R), R, rtol=1e-15)


def test_an_operator_without_rule_is_named():
    body = "s = Sin(image) scores = Relu(s)"
    proto = model(body, output="float[N,C,H,W] scores")
    x = np.ones((1, 3, 6, 6))
    with pytest.raises(MethodRefusedError, match=r"operator Sin at tensor 's'.*integrated"):
        received(proto, x, x)


def test_recurrent_operators_are_named():
    body = "s = ReduceMean<axes = [1], keepdims = 0>(image) y, h = GRU<hidden_size = 2>(s, w, r)"
    weights = {"w": np.ones((1, 6, 6)), "r": np.ones((1, 6, 2))}
    body += " scores = Relu(y)"
    proto = model(body, weights, output="float[A,B,C,D] scores")
    x = np.ones((1, 3, 6, 6))
    with pytest.raises(MethodRefusedError, match=r"operator GRU at tensor 'y'"):
        received(proto, x, np.ones((1, 1, 6, 2)))
