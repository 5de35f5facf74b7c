"""Rules of weighted layers against their matrix form, through the walk, in float64."""

import numpy as np
import pytest
import reference
import torch
from handmade import computed, model, walk
from originals import difference

from onnxplain.errors import UnknownNameError
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from onnxplain.relevance.rules import RULES, stabilize

TOLERANCE = 1e-10
# Body, and the shapes of its weights; every form in which a linear map can stand in a file.
LAYERS = {
    "conv": ("scores = Conv(image, w, b)", {"w": (4, 3, 3, 3), "b": (4,)}),
    "conv without bias": ("scores = Conv(image, w)", {"w": (4, 3, 3, 3)}),
    "conv strided": (
        "scores = Conv<strides = [2,3], pads = [1,0,2,1]>(image, w, b)",
        {"w": (4, 3, 3, 3), "b": (4,)},
    ),
    "conv dilated": ("scores = Conv<dilations = [2,1]>(image, w, b)", {"w": (2, 3, 2, 3), "b": 2}),
    "conv same upper": (
        'scores = Conv<auto_pad = "SAME_UPPER", strides = [2,2]>(image, w, b)',
        {"w": (2, 3, 3, 3), "b": 2},
    ),
    "conv depthwise": ("scores = Conv<group = 3>(image, w, b)", {"w": (6, 1, 3, 3), "b": 6}),
    "transposed conv": (
        "scores = ConvTranspose<strides = [2,2]>(image, w, b)",
        {"w": (3, 2, 3, 3), "b": 2},
    ),
    "gemm": (
        "f = Flatten(image) scores = Gemm<transB = 1>(f, w, b)",
        {"w": (5, 108), "b": 5},
    ),
    "gemm scaled": (
        "f = Flatten(image) scores = Gemm<alpha = 0.5, beta = 2.0>(f, w, b)",
        {"w": (108, 5), "b": 5},
    ),
    "matmul": ("f = Flatten(image) scores = MatMul(f, w)", {"w": (108, 5)}),
    "matmul and bias": (
        "f = Flatten(image) m = MatMul(f, w) scores = Add(b, m)",
        {"w": (108, 5), "b": 5},
    ),
    "matmul on the last axis": ("scores = MatMul(image, w)", {"w": (6, 4)}),
    "matmul from the left": ("scores = MatMul(w, image)", {"w": (4, 6)}),
    "conv and batch norm": (
        "c = Conv(image, w, b) scores = BatchNormalization(c, g, h, m, v)",
        {"w": (4, 3, 3, 3), "b": 4, "g": 4, "h": 4, "m": 4, "v": 4},
    ),
}


def layer(name):
    """Model, random input, and the layer as matrix and bias."""
    body, shapes = LAYERS[name]
    rng = np.random.default_rng(0)
    weights = {k: rng.normal(size=s) for k, s in shapes.items()}
    if "v" in weights:
        weights["v"] = np.abs(weights["v"]) + 0.1
    proto = model(body, weights, output=_output(body))
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    forward = computed(proto)
    shift = forward(np.zeros_like(x)).ravel()
    basis = forward(np.eye(x.size).reshape(-1, 3, 6, 6)).reshape(x.size, -1)
    return proto, x, (basis - shift).T, shift


def _output(body):
    return "float[N,K] scores" if "Flatten" in body else "float[N,C,H,W] scores"


@pytest.mark.parametrize("name", list(LAYERS))
def test_epsilon(name):
    proto, x, W, b = layer(name)
    R = np.random.default_rng(1).normal(size=len(b))
    expected = reference.lrp_epsilon(W, b, x.ravel(), R, 0.25)
    found = walk(proto, x, R, composite("epsilon", epsilon=0.25)).relevance["image"]
    assert difference(found.numpy().ravel(), expected) < TOLERANCE
    other = walk(proto, x, R, composite("epsilon", epsilon=0.2)).relevance["image"]
    assert difference(other.numpy().ravel(), expected) > 1e-4


@pytest.mark.parametrize("name", [n for n in LAYERS if "conv" in n])
@pytest.mark.parametrize("signed", [True, False])
def test_z_plus(name, signed):
    proto, x, W, b = layer(name)
    x = x if signed else np.abs(x)
    R = np.random.default_rng(1).normal(size=len(b))
    expected = reference.lrp_z_plus(W, b, x.ravel(), R, 1e-6)
    found = walk(proto, x, R, composite("epsilon-plus")).relevance["image"]
    assert difference(found.numpy().ravel(), expected) < TOLERANCE
    other = walk(proto, x, R, composite("epsilon")).relevance["image"]
    assert difference(other.numpy().ravel(), expected) > 1e-2


def test_no_bias_takes_no_share():
    """Relevance is conserved where there is no bias, whatever the signs are."""
    for name in ("conv without bias", "matmul", "matmul on the last axis"):
        proto, x, _, b = layer(name)
        R = np.random.default_rng(1).normal(size=len(b))
        found = walk(proto, x, R, composite("epsilon", epsilon=1e-14)).relevance["image"]
        assert float(found.sum()) == pytest.approx(R.sum(), rel=1e-10)


def test_zero_input_and_zero_output_give_finite_zeros():
    proto, x, _, b = layer("conv without bias")
    for rules in ("epsilon", "epsilon-plus"):
        found = walk(proto, np.zeros_like(x), np.ones(len(b)), composite(rules)).relevance["image"]
        assert not found.any()


def test_stabilizer_keeps_the_sign_and_calls_zero_positive():
    z = torch.tensor([-2.0, -0.0, 0.0, 3.0], dtype=torch.float64)
    expected = torch.tensor([-2.1, 0.1, 0.1, 3.1], dtype=torch.float64)
    assert torch.equal(stabilize(z, 0.1), expected)


def test_composites_use_rules_that_exist():
    body = "c = Conv(image, w) f = Flatten(c) scores = MatMul(f, v)"
    proto = model(body, w=np.ones((2, 3, 6, 6)), v=np.ones((2, 3)))
    conv, _, linear = prepare(proto).nodes
    plus, plain = composite("epsilon-plus"), composite("epsilon", epsilon=0.5)
    assert [plus.rule_for(n).rule for n in (conv, linear)] == ["z-plus", "epsilon"]
    assert [plain.rule_for(n).rule for n in (conv, linear)] == ["epsilon", "epsilon"]
    assert plain.rule_for(conv).parameters == {"epsilon": 0.5}
    assert {"z-plus", "epsilon"} <= set(RULES)


def test_unknown_composite_offers_names():
    with pytest.raises(UnknownNameError, match="epsilon-plus"):
        composite("epsilon-pls")
