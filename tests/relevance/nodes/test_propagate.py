"""Relevance in ONNX nodes against the PyTorch engine, both in float64."""

import numpy as np
import pytest
from handmade import computed, model, walk
from operator_forms import (
    AVERAGING_FORMS,
    CHOOSING_FORMS,
    ELEMENTWISE_FORMS,
    HOMOGENEOUS_FORMS,
    MOVING_FORMS,
    SCALING_FORMS,
)

from onnxplain.errors import ConversionError, MethodRefusedError, UsageError
from onnxplain.relevance.composites import NAMES, Composite, Match, RuleUse, composite
from onnxplain.relevance.nodes.weighted import WEIGHTED
from onnxplain.relevance.rule_table import WITH_WEIGHTS
from onnxplain.symbolic.rules import RULES
from tests.relevance.nodes.written import relevance, written
from tests.relevance.test_merge import MERGED
from tests.relevance.test_operators import EPSILON, case
from tests.relevance.test_walk import SCALED

BOUNDS = (np.full((1, 3, 1, 1), -1.5), np.full((1, 3, 1, 1), 1.25))
FORMS = {
    **AVERAGING_FORMS, **CHOOSING_FORMS, **ELEMENTWISE_FORMS, **HOMOGENEOUS_FORMS,
    **MOVING_FORMS, **SCALING_FORMS,
}  # fmt: skip
# What keeps nothing of the size is passed whole, and what has a derivative of zero too.
PASSED = set(ELEMENTWISE_FORMS) | set(SCALING_FORMS)
# Its form counts the first axes apart, for which there is no derivative in nodes.
REFUSED = {"GatherND"}
WRITABLE = sorted(op for op in FORMS if (op in RULES or op in PASSED) and op not in REFUSED)


def agree(proto, x, R, rules, **options):
    ours = relevance(proto, x, R, rules, **options)
    theirs = walk(proto, x, R, rules).relevance["image"].numpy()
    scale = np.abs(theirs).max()
    assert scale > 0
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("op", WRITABLE)
def test_operators_without_weights(op):
    proto, x, _, R = case(op, FORMS[op])
    # Indices are flat over the whole tensor in ONNX Runtime, as the standard says.
    agree(proto, x, R, composite("epsilon", epsilon=EPSILON), ort=op == "MaxPool")


@pytest.mark.parametrize("body", SCALED.values(), ids=SCALED)
def test_relevance_may_start_inside_of_a_chain(body):
    rng = np.random.default_rng(3)
    weights = {"w": rng.normal(size=(108, 4)), "b": rng.normal(size=4), "t": np.array(2.5)}
    proto = model(body + "scores = Softmax(s)", weights, output="float[N,K] scores")
    x, R, rules = rng.normal(size=(1, 3, 6, 6)), rng.normal(size=(1, 4)), composite("epsilon-plus")
    ours = relevance(proto, x, R, rules, start="z")
    theirs = walk(proto, x, R, rules, output="z").relevance["image"].numpy()
    assert theirs.any()
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_most_operators_can_be_written():
    refused = set(FORMS) - set(WRITABLE)
    assert len(WRITABLE) > 60
    assert {n for n in refused if n in RULES} == REFUSED


TWO = {
    "products": "a = Relu(image) b = Neg(image) scores = Mul(a, b)",
    "gates": "a = Sigmoid(image) b = Relu(image) scores = Mul(a, b)",
    "swish": "a = Sigmoid(image) scores = Mul(a, image)",
    "quotients": "a = Exp(image) scores = Div(image, a)",
    "softmax": "scores = Softmax<axis = 1>(image)",
    "log softmax": "scores = LogSoftmax(image)",
    "sums": "a = Relu(image) b = Neg(image) scores = Add(a, b)",
    "differences": "a = Relu(image) b = Exp(image) scores = Sub(a, b)",
    "matrices": "a = Transpose<perm = [0,1,3,2]>(image) scores = MatMul(image, a)",
    "logarithm": "a = Abs(image) scores = ReduceLogSum<axes = [1], keepdims = 0>(a)",
    "attention": "t = Transpose<perm = [0,1,3,2]>(image) l = MatMul(image, t) "
    "p = Softmax(l) scores = MatMul(p, image)",
}


@pytest.mark.parametrize("rules", ["epsilon", "cp-lrp"])
@pytest.mark.parametrize("name", TWO)
def test_operators_of_two_signals(name, rules):
    output = "float[N,A,B] scores" if name == "logarithm" else "float[N,A,B,C] scores"
    proto = model(TWO[name], output=output)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 6, 6))
    R = rng.normal(size=(2, 6, 6) if name == "logarithm" else (2, 3, 6, 6))
    if name == "softmax" and rules == "cp-lrp":
        ours = relevance(proto, x, R, composite(rules))
        np.testing.assert_array_equal(ours, 0)  # the composite hands nothing on there
    elif name != "log softmax" or rules == "epsilon":
        agree(proto, x, R, composite(rules))


NORMS = {
    "LayerNormalization": ("<axis = 2>(image, s, b)", {"s": (6, 6), "b": (6, 6)}, 17),
    "InstanceNormalization": ("(image, s, b)", {"s": 3, "b": 3}, 17),
    "MeanVarianceNormalization": ("<axes = [0, 2, 3]>(image)", {}, 17),
    "GroupNormalization": ("<num_groups = 1>(image, s, b)", {"s": 3, "b": 3}, 21),
    "RMSNormalization": ("(image, s)", {"s": 6}, 23),
}


@pytest.mark.parametrize("op", NORMS)
def test_normalisations_hold_their_deviation_constant(op):
    form, shapes, opset = NORMS[op]
    rng = np.random.default_rng(0)
    weights = {n: rng.uniform(0.5, 1.5, size) for n, size in shapes.items()}
    output = "float[N,A,B,C] scores"
    proto = model(f"scores = {op}{form}", weights, output=output, opset=opset)
    x = rng.normal(size=(1, 3, 6, 6))
    agree(proto, x, rng.normal(size=x.shape), composite("epsilon"))


RULE_USES = [
    RuleUse("epsilon", {"epsilon": 0.1}),
    RuleUse("norm"),
    RuleUse("z-plus"),
    RuleUse("z-plus", {"zero_bias": True}),
    RuleUse("alpha-beta"),
    RuleUse("alpha-beta", {"alpha": 1.0, "beta": 0.0, "zero_bias": True}),
    RuleUse("gamma", {"gamma": 0.5}),
    RuleUse("z-box"),
    RuleUse("w-square"),
    RuleUse("flat"),
]
LAYERS = {
    "padded": ("scores = Conv<pads = [1,1,1,1]>(image, w, b)", {"w": (4, 3, 3, 3), "b": 4}),
    "strided": ("scores = Conv<strides = [2,2]>(image, w)", {"w": (4, 3, 2, 2)}),
    "depthwise": ("scores = Conv<group = 3>(image, w, b)", {"w": (6, 1, 3, 3), "b": 6}),
    "after a ReLU": ("r = Relu(image) scores = Conv(r, w, b)", {"w": (4, 3, 3, 3), "b": 4}),
    "after a negative factor": (
        "r = Mul(image, k) scores = Conv(r, w, b)",
        {"w": (4, 3, 3, 3), "b": 4, "k": (3, 1, 1)},
    ),
    "transposed": ("scores = ConvTranspose(image, w, b)", {"w": (3, 4, 2, 2), "b": 4}),
    "matmul": ("scores = MatMul(image, w)", {"w": (6, 4)}),
    "matmul from the left": ("scores = MatMul(w, image)", {"w": (4, 6)}),
    "gemm": (
        "f = Flatten(image) scores = Gemm<alpha = 0.5, beta = 2.0, transB = 1>(f, w, b)",
        {"w": (4, 108), "b": 4},
    ),
    "pad": (
        "p = Pad(image, pads) scores = Conv(p, w, b)",
        {"w": (4, 3, 3, 3), "b": 4, "pads": np.array([0, 0, 1, 1, 0, 0, 1, 2])},
    ),
    **{f"merged: {n}": (body.replace(f"{end} =", "scores ="), shapes)
       for n, (body, shapes, end) in MERGED.items()},
}  # fmt: skip


def layer(name):
    body, shapes = LAYERS[name]
    rng = np.random.default_rng(0)
    weights = {
        n: s if isinstance(s, np.ndarray) else rng.normal(size=s) if n != "v" else rng.random(s)
        for n, s in shapes.items()
    }
    two = "Gemm" in body or "Flatten" in body
    proto = model(body, weights, output="float[N,K] scores" if two else "float[N,A,B,C] scores")
    return proto, rng.normal(size=(2, 3, 6, 6)), rng


@pytest.mark.parametrize("use", RULE_USES, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_nodes_with_weights(name, use):
    proto, x, rng = layer(name)
    R = rng.normal(size=computed(proto)(x).shape)
    rules = Composite("one", ((Match(("convolution", "linear")), use),), bounds=BOUNDS)
    agree(proto, x, R, rules)


def test_every_rule_is_tried():
    assert set(WEIGHTED) == set(WITH_WEIGHTS)
    assert {use.rule for use in RULE_USES} | {"pass"} == set(WEIGHTED)


def test_a_closed_form():
    """One linear layer: R_i = x_i w_i / (sum + epsilon) R."""
    proto = model(
        "f = Flatten(image) scores = MatMul(f, w)", {"w": np.arange(1.0, 109).reshape(108, 1)}
    )
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6))
    parts = x.ravel() * np.arange(1.0, 109)
    ours = relevance(proto, x, np.array([[2.0]]), composite("epsilon", epsilon=0.5))
    total = parts.sum() + 0.5 * np.sign(parts.sum())
    np.testing.assert_allclose(ours.ravel(), 2.0 * parts / total, rtol=1e-12)


def test_without_biases_nothing_is_lost():
    weights = {n: np.random.default_rng(k).normal(size=s) for k, (n, s) in enumerate(
        {"w": (4, 3, 3, 3), "v": (4, 5)}.items())}  # fmt: skip
    body = "a = Conv(image, w) r = Relu(a) p = ReduceMean<axes = [2,3], keepdims = 0>(r) "
    proto = model(body + "scores = MatMul(p, v)", weights)
    x = np.random.default_rng(3).normal(size=(2, 3, 6, 6))
    R = np.random.default_rng(4).normal(size=(2, 5))
    rules = composite("epsilon-plus", epsilon=0.0)
    sums = relevance(proto, x, R, rules).sum((1, 2, 3))
    np.testing.assert_allclose(sums, R.sum(1), rtol=1e-4)


@pytest.mark.parametrize("rules", NAMES)
def test_composites(rules):
    weights = {
        "w": (4, 3, 3, 3), "b": 4, "g": 4, "h": 4, "m": 4, "v": 4, "u": (4, 4, 3, 3), "l": (4, 5),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    values = {
        n: rng.random(s) + 0.5 if n == "v" else rng.normal(size=s) for n, s in weights.items()
    }
    body = (
        "a = Conv<pads = [1,1,1,1]>(image, w, b) n = BatchNormalization(a, g, h, m, v) "
        "r = Relu(n) c = Conv<pads = [1,1,1,1]>(r, u) s = Add(c, r) "
        "k = BatchNormalization(s, g, h, m, v) t = Relu(k) p = GlobalAveragePool(t) "
        "f = Flatten(p) scores = MatMul(f, l)"
    )
    x = rng.normal(size=(2, 3, 6, 6))
    agree(model(body, values), x, rng.normal(size=(2, 5)), composite(rules).within(BOUNDS))


def test_what_has_no_rule_is_refused_by_name():
    proto = model("s = Sin(image) scores = Relu(s)", output="float[N,A,B,C] scores")
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6))
    with pytest.raises(
        MethodRefusedError, match="no relevance rule for operator Sin at tensor 's'"
    ):
        written(proto, x, composite("epsilon"))
    agree(proto, x, x, composite("epsilon", unknown="pass"))
    agree(proto, x, x, composite("epsilon", unknown="gradient"))


def test_what_cannot_be_written_is_refused_by_name():
    proto, x, _, _ = case("GatherND", FORMS["GatherND"])
    with pytest.raises(ConversionError, match=r"GatherND .*its first axes are counted apart"):
        written(proto, x, composite("epsilon", epsilon=EPSILON))


def test_rules_that_cannot_stand_somewhere_are_refused():
    proto, x, _ = layer("padded")
    with pytest.raises(UsageError, match="needs the bounds"):
        written(proto, x, composite("deep-taylor"))
    rules = Composite("one", ((Match(("convolution",)), RuleUse("halves")),))
    with pytest.raises(MethodRefusedError, match="halves cannot stand at Conv"):
        written(proto, x, rules)
    rules = Composite("one", ((Match(("convolution",)), RuleUse("pass")),))
    with pytest.raises(MethodRefusedError, match="pass cannot stand at Conv"):
        written(proto, x, rules)


def test_pass_hands_relevance_on_as_it_is():
    weights = {"w": np.random.default_rng(0).normal(size=(3, 3, 3, 3))}
    proto = model("scores = Conv<pads = [1,1,1,1]>(image, w)", weights,
                  output="float[N,A,B,C] scores")  # fmt: skip
    x = np.random.default_rng(1).normal(size=(1, 3, 6, 6))
    rules = Composite("one", ((Match(("convolution",)), RuleUse("pass")),))
    np.testing.assert_array_equal(relevance(proto, x, 2 * x, rules), 2 * x)
