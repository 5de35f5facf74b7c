"""Operators without weights: each against its rule as a matrix, from its numeric Jacobian."""

import numpy as np
import pytest
from handmade import computed, model, walk
from originals import difference

from onnxplain.errors import MethodRefusedError
from onnxplain.relevance.composites import composite
from onnxplain.relevance.kinds import AVERAGING, BILINEAR, ELEMENTWISE, MOVING, NORMALISING, RULED

EPSILON = 0.25
TOLERANCE = 1e-7  # of the Jacobian by central differences

# Body and, where it is not 17, the opset.
ELEMENTWISE_FORMS = {
    **{op: (f"scores = {op}(image)", 17) for op in ELEMENTWISE},
    "Cast": ("scores = Cast<to = 1>(image)", 17),
    "Clip": ("scores = Clip(image, c, d)", 17),
    "Celu": ("scores = Celu<alpha = 0.5>(image)", 17),
    "Pow": ("scores = Pow(image, c)", 17),
    "PRelu": ("scores = PRelu(image, c)", 17),
    "Gelu": ("scores = Gelu(image)", 20),
    "Mish": ("scores = Mish(image)", 18),
    "Swish": ("scores = Swish(image)", 24),
    "Dropout": ("s, m = Dropout(image) scores = Where(m, s, s)", 17),
    "QuantizeLinear": ("q = QuantizeLinear(image, c, z) scores = DequantizeLinear(q, c, z)", 17),
}
ELEMENTWISE_FORMS["DynamicQuantizeLinear"] = (
    "q, u, v = DynamicQuantizeLinear(image) scores = DequantizeLinear(q, u, v)",
    17,
)
ELEMENTWISE_FORMS["DequantizeLinear"] = ELEMENTWISE_FORMS["QuantizeLinear"]
MOVING_FORMS = {
    "Flatten": ("scores = Flatten(image)", 17),
    "Reshape": ("scores = Reshape(image, shape)", 17),
    "Transpose": ("scores = Transpose<perm = [0,2,3,1]>(image)", 17),
    "Gather": ("scores = Gather<axis = 3>(image, twice)", 17),
    "GatherElements": ("scores = GatherElements<axis = 3>(image, elements)", 17),
    "GatherND": ("scores = GatherND<batch_dims = 1>(image, nd)", 17),
    "Slice": ("scores = Slice(image, one, four, two, two)", 17),
    "Squeeze": ("g = GlobalMaxPool(image) scores = Squeeze(g, spatial)", 17),
    "Unsqueeze": ("scores = Unsqueeze(image, spatial)", 17),
    "Concat": ("a = Relu(image) scores = Concat<axis = 1>(a, a, image)", 17),
    "Split": ("a, b = Split<axis = 2>(image, halves) scores = Concat<axis = 1>(b, b)", 17),
    "Pad": ("scores = Pad(image, pads)", 17),
    "Expand": ("g = GlobalMaxPool(image) scores = Expand(g, wide)", 17),
    "Tile": ("scores = Tile(image, repeats)", 17),
    "DepthToSpace": (
        "s = SpaceToDepth<blocksize = 3>(image) scores = DepthToSpace<blocksize = 3>(s)",
        17,
    ),
    "SpaceToDepth": ("scores = SpaceToDepth<blocksize = 2>(image)", 17),
    "MaxPool": ("scores = MaxPool<kernel_shape = [3,3], strides = [2,2]>(image)", 17),
    "GlobalMaxPool": ("scores = GlobalMaxPool(image)", 17),
    "ReduceMax": ("scores = ReduceMax<axes = [2,3]>(image)", 17),
    "ReduceMin": ("scores = ReduceMin<axes = [1]>(image)", 17),
    "Max": ("scores = Max(image, d)", 17),
    "Min": ("scores = Min(image, d)", 17),
    "Where": ("scores = Where(mask, image, c)", 17),
}
AVERAGING_FORMS = {
    "AveragePool": (
        "scores = AveragePool<kernel_shape = [3,3], strides = [2,1], pads = [1,1,0,0]>(image)",
        17,
    ),
    "GlobalAveragePool": ("scores = GlobalAveragePool(image)", 17),
    "ReduceMean": ("scores = ReduceMean(image, spatial)", 18),
    "ReduceSum": ("scores = ReduceSum(image, spatial)", 17),
    "Sum": ("scores = Sum(image, c)", 17),
    "Mean": ("scores = Mean(image, c)", 17),
    "Resize": ('scores = Resize<mode = "linear">(image, , scales)', 17),
    "Upsample": ('scores = Upsample<mode = "nearest">(image, scales)', 9),
    "Add": ("scores = Add(image, c)", 17),
    "Sub": ("scores = Sub(image, c)", 17),
}
CONSTANTS = {
    "c": np.array(0.3),
    "d": np.array(0.6),
    "z": np.array(3, np.uint8),
    "shape": np.array([0, 6, 18]),
    "twice": np.array([1, 1, 4]),
    "elements": np.full((1, 3, 6, 2), 2),
    "nd": np.array([[[0, 1], [2, 2]]]),
    "one": np.array([1]),
    "two": np.array([2]),
    "four": np.array([5]),
    "spatial": np.array([2, 3]),
    "halves": np.array([3, 3]),
    "pads": np.array([0, 0, 1, 0, 0, 0, 0, 2]),
    "wide": np.array([1, 3, 2, 4]),
    "repeats": np.array([1, 1, 2, 1]),
    "mask": np.arange(6) % 2 == 0,
    "scales": np.array([1, 1, 2, 2], np.float32),
}
RANKS = {"Flatten": 2, "Reshape": 3, "GatherND": 3, "Squeeze": 2, "Unsqueeze": 6}
# Tested one by one below, or with their weights in test_rules.py and test_merge.py.
ELSEWHERE = {
    "BatchNormalization",
    "Mul",
    "Div",
    "Conv",
    "ConvTranspose",
    "Softmax",
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


@pytest.mark.parametrize("op", sorted(AVERAGING_FORMS))
def test_linear_operators_share_by_contribution(op):
    proto, x, y, R = case(op, AVERAGING_FORMS[op])
    expected = x.ravel() * (jacobian(proto, x).T @ (R / (y + EPSILON * np.sign(y))))
    assert difference(received(proto, x, R).ravel(), expected) < TOLERANCE


def test_every_operator_that_is_said_to_have_a_rule_is_tested():
    tested = {*ELEMENTWISE_FORMS, *MOVING_FORMS, *AVERAGING_FORMS, *NORMALISING, *ELSEWHERE}
    assert tested == RULED
    groups = (ELEMENTWISE, MOVING, AVERAGING, NORMALISING)
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


@pytest.mark.parametrize(
    "form",
    [
        "scores = LayerNormalization<axis = 2>(image, g, b)",
        "scores = LayerNormalization(image, h)",
        "scores = RMSNormalization(image, h)",
    ],
)
def test_normalisation_by_a_fixed_scale(form):
    """The standard deviation is a constant, the rest linear (AttnLRP, proposition 3.4)."""
    rng = np.random.default_rng(0)
    scale = {"g": rng.normal(size=(6, 6)), "b": rng.normal(size=(6, 6)), "h": rng.normal(size=6)}
    used = {k: v for k, v in scale.items() if f", {k}" in form}
    opset = 23 if "RMS" in form else 17
    proto = model(form, used, output="float[N,C,H,W] scores", opset=opset)
    x = rng.normal(size=(1, 3, 6, 6))
    R = rng.normal(size=x.shape)
    axes = (2, 3) if "axis = 2" in form else (3,)
    centre = 0.0 if "RMS" in form else x.mean(axes, keepdims=True)
    std = np.sqrt(((x - centre) ** 2).mean(axes, keepdims=True) + 1e-5)
    gamma = (used["g"] if "g" in used else used["h"]).astype(np.float32).astype(float)
    beta = used["b"].astype(np.float32).astype(float) if "b" in used else 0.0
    y = (x - centre) / std * gamma + beta
    s = R / (y + EPSILON * np.where(y < 0, -1, 1)) * gamma / std
    back = s if "RMS" in form else s - s.mean(axes, keepdims=True)
    # Epsilon 1e-5 is a float32 attribute of the file.
    assert difference(received(proto, x, R), x * back) < 1e-7


def test_the_older_name_of_rms_normalisation_has_its_rule():
    rng = np.random.default_rng(0)
    x, R = rng.normal(size=(1, 3, 6, 6)), rng.normal(size=(1, 3, 6, 6))
    body, gamma = "scores = RMSNormalization(image, h)", rng.normal(size=6)
    named = model(body, h=gamma, output="float[N,C,H,W] scores", opset=23)
    older = model(body, h=gamma, output="float[N,C,H,W] scores", opset=23)
    older.graph.node[0].op_type = "SimplifiedLayerNormalization"
    np.testing.assert_allclose(received(older, x, R), received(named, x, R), rtol=1e-12)


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
