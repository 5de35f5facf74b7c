"""Rules of weighted layers against their matrix form, through the walk, in float64."""

import inspect

import numpy as np
import onnx
import pytest
import reference_lrp as reference
import torch
from handmade import computed, model, walk
from originals import difference

from onnxplain.convert import to_torch
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import Composite, Match, RuleUse, composite
from onnxplain.relevance.rule_table import WITH_WEIGHTS
from onnxplain.relevance.signed_rules import RULES

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


def bounds_of(x):
    low = np.array([-1.5, -1.25, -2.0]).reshape(1, 3, 1, 1)
    return low, low + 3.5


def everywhere(rule, **parameters):
    return Composite("test", ((Match(("convolution", "linear")), RuleUse(rule, parameters)),))


def reached(name):
    """Return which inputs each output can see, counted as often as it reads them."""
    proto, x, _, _ = layer(name)
    for tensor in proto.graph.initializer:
        if tensor.name == "w":
            ones = np.ones(tuple(tensor.dims), np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(ones, "w"))
        elif tensor.name in "bmh":
            zeros = np.zeros(tuple(tensor.dims), np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(zeros, tensor.name))
    basis = computed(proto)(np.eye(x.size).reshape(-1, 3, 6, 6)).reshape(x.size, -1).T
    scale = np.abs(basis).max(axis=1, keepdims=True)
    return basis / scale


# Rule, its parameters, and the transcription.
RULE_FORMS = {
    "alpha-beta": (
        {"alpha": 3.0, "beta": 2.0},
        lambda W, b, x, R, name: reference.alpha_beta(W, b, x, R, 3, 2, 1e-6),
    ),
    "alpha-beta without bias": (
        {"alpha": 2.0, "beta": 1.0, "zero_bias": True},
        lambda W, b, x, R, name: reference.alpha_beta(W, 0 * b, x, R, 2, 1, 1e-6),
    ),
    "z-plus": ({}, lambda W, b, x, R, name: reference.lrp_z_plus(W, b, x, R, 1e-6)),
    "z-plus without bias": (
        {"zero_bias": True},
        lambda W, b, x, R, name: reference.lrp_z_plus(W, 0 * b, x, R, 1e-6),
    ),
    "gamma": ({"gamma": 0.4}, lambda W, b, x, R, name: reference.gamma(W, b, x, R, 0.4, 1e-6)),
    "z-box": (
        {},
        lambda W, b, x, R, name: reference.z_box(
            W,
            b,
            x,
            R,
            *(np.broadcast_to(e, (1, 3, 6, 6)).ravel() for e in bounds_of(x)),
            1e-6,
        ),
    ),
    "w-square": ({}, lambda W, b, x, R, name: reference.w_square(W, b, x, R, 1e-6)),
    "flat": ({}, lambda W, b, x, R, name: reference.flat(reached(name), R, 1e-6)),
    "norm": ({}, lambda W, b, x, R, name: reference.lrp_epsilon(W, b, x, R, 1e-6)),
    "epsilon": ({"epsilon": 0.3}, lambda W, b, x, R, name: reference.lrp_epsilon(W, b, x, R, 0.3)),
}


@pytest.mark.parametrize("name", list(LAYERS))
@pytest.mark.parametrize("form", list(RULE_FORMS))
@pytest.mark.parametrize("signed", [True, False])
def test_rule_against_its_matrix_form(form, name, signed):
    parameters, transcribed = RULE_FORMS[form]
    proto, x, W, b = layer(name)
    x = x if signed else np.abs(x)
    R = np.random.default_rng(1).normal(size=len(b))
    rules = everywhere(form.split(" ")[0], **parameters).within(bounds_of(x))
    found = walk(proto, x, R, rules).relevance["image"].numpy().ravel()
    assert difference(found, transcribed(W, b, x.ravel(), R, name)) < TOLERANCE
    if form != "flat":
        other = transcribed(W * np.where(np.arange(x.size) % 7, 1, 1.01), b, x.ravel(), R, name)
        assert difference(found, other) > 1e-5


def test_pass_hands_relevance_on_where_shapes_agree():
    proto, x, _, _ = layer("matmul on the last axis")
    square = model("scores = MatMul(image, w)", w=np.eye(6), output="float[N,C,H,W] scores")
    np.testing.assert_array_equal(walk(square, x, x, everywhere("pass")).relevance["image"], x)
    with pytest.raises(MethodRefusedError, match=r"pass cannot stand at MatMul.*6\].*4\]"):
        walk(proto, x, np.ones(72), everywhere("pass"))


def test_every_rule_with_weights_is_tested_and_its_parameters_are_known():
    assert set(RULES) == set(WITH_WEIGHTS)
    assert {n.split(" ")[0] for n in RULE_FORMS} == set(RULES) - {"pass"}
    standard = {"layer", "x", "w", "b", "y", "R", "low", "high", "support"}
    for name, rule in RULES.items():
        assert set(inspect.signature(rule).parameters) - standard == WITH_WEIGHTS[name]


def test_z_box_needs_bounds_and_a_first_layer():
    proto, x, _, b = layer("conv")
    R = np.ones(len(b))
    with pytest.raises(UsageError, match="z-box needs the bounds"):
        walk(proto, x, R, everywhere("z-box"))
    weights = {"w": np.ones((3, 3, 1, 1)), "v": np.ones((2, 3, 1, 1))}
    body = "c = Conv(image, w) scores = Conv(c, v)"
    two = model(body, weights, output="float[N,C,H,W] scores")
    with pytest.raises(MethodRefusedError, match="z-box cannot stand at tensor 'scores'"):
        walk(two, x, np.ones(72), everywhere("z-box").within(bounds_of(x)))


def test_bounds_follow_the_normalisation_inside_the_file():
    """The same picture, normalised in the file or in front of it; a negative factor swaps them."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3, 3)), "b": rng.normal(size=4)}
    mean, factor = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1), np.array([2.0, -3.0, 4.0])
    factor = factor.reshape(3, 1, 1).astype(np.float32).astype(float)
    mean = mean.astype(np.float32).astype(float)
    output = "float[N,C,H,W] scores"
    plain = model("scores = Conv<pads = [1,1,1,1]>(image, w, b)", weights, output=output)
    inside = model(
        "s = Sub(image, mean) m = Mul(s, factor) scores = Conv<pads = [1,1,1,1]>(m, w, b)",
        {**weights, "mean": mean, "factor": factor},
        output=output,
    )
    x = rng.uniform(0, 1, (1, 3, 6, 6))
    zero, one = np.zeros((1, 3, 1, 1)), np.ones((1, 3, 1, 1))
    ends = [(e - mean) * factor for e in (zero, one)]
    R = rng.normal(size=(1, 4, 6, 6))
    box = everywhere("z-box")
    wanted = walk(plain, (x - mean) * factor, R, box.within((np.minimum(*ends), np.maximum(*ends))))
    found = walk(inside, x, R, box.within((zero, one)), names=("m",))
    assert difference(found.relevance["m"].numpy(), wanted.relevance["image"].numpy()) < 1e-10
    other = walk(inside, x, R, box.within((zero, 2 * one)), names=("m",))
    assert difference(other.relevance["m"].numpy(), wanted.relevance["image"].numpy()) > 1e-3


@pytest.mark.parametrize("rule", ["flat", "w-square", "z-box", "z-plus"])
def test_padding_by_a_node_of_its_own_is_padding(rule):
    """What pads is no input: it has no bounds, and no share in what is spread evenly."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3, 3)), "b": rng.normal(size=4)}
    output = "float[N,C,H,W] scores"
    inside = model("scores = Conv<pads = [0,1,2,1]>(image, w, b)", weights, output=output)
    apart = model(
        "p = Pad(image, ends) scores = Conv(p, w, b)",
        {**weights, "ends": np.array([0, 0, 0, 1, 0, 0, 2, 1])},
        output=output,
    )
    x, R = rng.uniform(-1, 1, (1, 3, 6, 6)), rng.normal(size=(1, 4, 6, 6))
    rules = everywhere(rule).within(bounds_of(x))
    found, wanted = (walk(p, x, R, rules).relevance["image"].numpy() for p in (apart, inside))
    assert difference(found, wanted) < 1e-12
    if rule in ("flat", "w-square"):
        mirrored = model(
            'p = Pad<mode = "reflect">(image, ends) scores = Conv(p, w, b)',
            {**weights, "ends": np.array([0, 0, 0, 1, 0, 0, 2, 1])},
            output=output,
        )
        other = walk(mirrored, x, R, rules).relevance["image"].numpy()
        assert difference(other, wanted) > 1e-2


def test_gamma_zero_is_the_epsilon_rule_and_a_large_gamma_is_z_plus():
    """Montavon et al. 2019, section 10.2.3: the two ends of the gamma rule."""
    proto, x, _, b = layer("conv without bias")
    x = np.abs(x)
    forward = computed(proto)(x).ravel()
    R = np.where(forward > 0, np.random.default_rng(1).normal(size=len(b)), 0)

    def relevance(rule, **parameters):
        return walk(proto, x, R, everywhere(rule, **parameters)).relevance["image"].numpy()

    assert difference(relevance("gamma", gamma=0), relevance("norm")) < 1e-9
    assert difference(relevance("gamma", gamma=1e9), relevance("z-plus")) < 1e-4
    assert difference(relevance("gamma", gamma=1), relevance("z-plus")) > 1e-2


def test_layers_open_in_float64():
    proto, _, _, _ = layer("conv")
    assert to_torch(prepare(proto), double=True).constants()["w"].dtype == torch.float64
