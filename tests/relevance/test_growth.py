"""Relevance that explodes is measured where it does, and the node is named."""

import numpy as np
import pytest
from handmade import context_of, model, target_of, walk

from onnxplain.errors import NumericalError
from onnxplain.methods import find
from onnxplain.methods.promises import LARGEST_GROWTH
from onnxplain.relevance.composites import composite
from onnxplain.relevance.growth import GrowthMeter

HEAD = "p = GlobalAveragePool({}) f = Flatten(p) scores = Gemm<transB = 1>(f, u)"
# Each network holds one sum whose terms cancel up to `tiny`, read by something whose relevance
# does not vanish with it. The last word is the node that must be named.
CANCELLING = {
    "two branches before a shift": (
        "a = Conv(image, w) b = Conv(image, v) s = Add(a, b) "
        "y = BatchNormalization(s, ones, ones, zeros, ones) r = Relu(y) " + HEAD.format("r"),
        "Add 's'",
    ),
    "two branches before Sigmoid": (
        "a = Conv(image, w) b = Conv(image, v) s = Add(a, b) r = Sigmoid(s) " + HEAD.format("r"),
        "Add 's'",
    ),
    "their difference": (
        "a = Conv(image, w) b = Conv(image, v) n = Mul(b, minus) s = Sub(a, n) r = Exp(s) "
        + HEAD.format("r"),
        "Sub 's'",
    ),
    "one convolution": ("s = Conv(image, pair) r = Softplus(s) " + HEAD.format("r"), "Conv 's'"),
    "a mean": (
        "a = Conv(image, w) b = Conv(image, v) t = Concat<axis = 1>(a, b) "
        "s = ReduceMean<axes = [1]>(t) r = Sigmoid(s) " + HEAD.format("r"),
        "ReduceMean 's'",
    ),
    "the rest of a mean": (
        "a = Conv(image, w) m = ReduceMean<axes = [2,3]>(a) s = Sub(a, m) r = Sigmoid(s) "
        + HEAD.format("r"),
        "Sub 's'",
    ),
    "layer normalisation": (
        "a = Conv(image, w) n = LayerNormalization<axis = 2>(a, six) r = Sigmoid(n) "
        + HEAD.format("r"),
        "LayerNormalization 'n'",
    ),
}


def weights_of(body, tiny):
    rng = np.random.default_rng(0)
    w = rng.uniform(0.5, 1.0, (1, 3, 1, 1))
    pair = w.copy()
    pair[0, 2] = -(pair[0, 0] + pair[0, 1]) + tiny  # on a grey picture, they cancel
    every = {
        "w": w,
        "pair": pair,
        "v": tiny - w[:, ::-1],  # on a grey picture, it undoes w
        "six": np.ones((6, 6)),
        "minus": np.array(-1.0),
        "ones": np.ones(1),
        "zeros": np.zeros(1),
        "u": np.array([[1.0], [2.0]]),
    }
    words = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    return {k: v for k, v in every.items() if k in words}


def explained(case, tiny, method="lrp", **parameters):
    body, _ = CANCELLING[case]
    context = context_of(model(body, weights_of(body, tiny)))
    x = 0.7 + tiny * np.random.default_rng(1).normal(size=(1, 1, 6, 6)) * np.ones((1, 3, 1, 1))
    return find(method).function(context, x, target_of(context, 1), **parameters)


@pytest.mark.parametrize("case", list(CANCELLING))
@pytest.mark.parametrize("rules", ["auto", "epsilon"])
def test_a_sum_that_cancels_is_named(case, rules):
    found = explained(case, 1e-5, composite=rules)
    if case == "one convolution" and rules == "auto":
        # z-box weighs contributions from the bounds on, which do not cancel.
        assert found.warnings == ()
        return
    (warning,) = found.warnings
    assert CANCELLING[case][1] in warning
    assert "explode" in warning
    assert "grad-cam or occlusion" in warning
    assert np.abs(found.values).sum() > LARGEST_GROWTH * abs(found.measures["relevance_out"][0])


@pytest.mark.parametrize("case", list(CANCELLING))
def test_a_sum_that_does_not_cancel_is_no_matter(case):
    found = explained(case, 0.5, composite="epsilon")
    assert not any("explode" in w for w in found.warnings)


def test_the_composite_that_is_recommended_helps():
    case = "two branches before a shift"
    (warning,) = explained(case, 1e-5).warnings
    assert "composite=epsilon-gamma-box-norm" in warning
    found = explained(case, 1e-5, composite="epsilon-gamma-box-norm")
    assert found.warnings == ()
    # The shift absorbs its share: y = s + 1 with s = tiny a.
    assert 0 < found.measures["conservation"][0] < 1e-4


def test_relevance_that_overflows_is_refused():
    body = "a = Conv(image, w) b = Neg(a) s = Add(a, b) r = Sigmoid(s) " + HEAD.format("r")
    context = context_of(model(body, weights_of(body, 0)))
    x = np.full((1, 3, 6, 6), 0.7)
    with pytest.raises(NumericalError, match=r"overflows at Add 's'.*grad-cam") as error:
        find("lrp").function(context, x, target_of(context, 1), composite="epsilon", epsilon=0.0)
    assert error.value.exit_code == 6


BACK_AGAIN = "a = Conv(image, w) b = Mul(a, nearly) s = Add(a, b) r = Sigmoid(s) " + HEAD.format(
    "r"
)


@pytest.mark.parametrize(("precision", "warned"), [("double", False), ("single", True)])
def test_what_cancels_where_branches_meet_is_rounding_only(precision, warned):
    """s = tiny a: both shares are large and opposite, and meet again at a."""
    w, u = weights_of("w u", 0)["w"], np.array([[1.0], [2.0]])
    body = model(BACK_AGAIN, w=w, u=u, nearly=np.array(-1 + 2e-6))
    context = context_of(body, precision=precision)
    x = np.full((1, 3, 6, 6), 0.7)
    found = find("lrp").function(context, x, target_of(context, 1), composite="epsilon")
    assert len(found.warnings) == warned
    if warned:
        assert "amplifies rounding" in found.warnings[0]
        assert "--precision double" in found.warnings[0]
        assert "Add 's'" in found.warnings[0]


def test_a_score_near_zero_is_no_explosion():
    """Its parts for and against are what they are; a rule has made nothing of them."""
    body = "r = Relu(image) " + HEAD.format("r")
    u = np.array([[1.0, -1.0, 1e-7], [1.0, -1.0, 0.5]])
    x = np.full((1, 3, 6, 6), 0.7)
    context = context_of(model(body, u=u))
    for index in (0, 1):
        found = find("lrp").function(context, x, target_of(context, index), composite="epsilon")
        assert found.warnings == ()
    assert np.abs(found.values).sum() > 1


def test_growth_is_that_of_the_magnitudes():
    """Transcribed for s = a + b behind a Sigmoid, with a and b of their own."""
    t = 0.25
    body = "a, b = Split<axis = 1>(image, halves) s = Add(a, b) scores = Sigmoid(s)"
    proto = model(body, {"halves": np.array([1, 1])}, image="float[N,2,6,6] image",
                  output="float[N,C,H,W] scores")  # fmt: skip
    one = np.random.default_rng(0).uniform(0.2, 0.9, (1, 1, 6, 6))
    x = np.concatenate([one, -(1 - t) * one], axis=1)
    growth = walk(proto, x, np.ones(one.shape), composite("epsilon", epsilon=0.0)).growth
    for found in (growth.times, growth.between, growth.factor):
        assert found == pytest.approx((1 + (1 - t)) / t, rel=1e-9)
    assert (growth.op_type, growth.tensor) == ("Add", "s")


def test_what_carries_little_is_not_named():
    meter = GrowthMeter(1.0)
    meter.add("head", "Gemm", 1.0, 2.0, last=True)
    meter.passed(2.0)
    meter.add("benign", "Sub", 2.0, 1e5, last=False)
    meter.passed(2.0)
    meter.add("side", "Add", 1e-12, 1e-3, last=False)
    meter.add("main", "Add", 2.0, 5000.0, last=False)
    meter.passed(5000.0)
    found = meter.result()
    assert (found.times, found.between) == (2500.0, 5e4)
    assert (found.tensor, found.factor) == ("main", 2500.0)


DEEPLIFT = (
    "m = ReduceMean<axes = [1,2,3]>(image) c = Sub(image, m) q = Mul(c, c) "
    "v = ReduceMean<axes = [1,2,3]>(q) e = Add(v, tiny) d = Sqrt(e) n = Div(c, d) "
    "r = Relu(n) " + HEAD.format("r")
)


@pytest.mark.parametrize(("baseline", "explodes"), [("black", True), ("blur", False)])
def test_deeplift_on_a_baseline_that_a_normalisation_cannot_divide(baseline, explodes):
    """A picture of one colour has no variance: the quotient's multiplier is 1 / sqrt(epsilon)."""
    u = np.random.default_rng(2).normal(size=(2, 3))
    context = context_of(model(DEEPLIFT, u=u, tiny=np.array(1e-12)))
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))
    found = find("deeplift").function(context, x, target_of(context, 1), baseline=baseline)
    assert bool(found.warnings) == explodes
    assert abs(found.measures["completeness_gap"][0]) < 1e-6  # the sum alone does not tell
    if explodes:
        assert "the contributions explode" in found.warnings[0]
        assert "another baseline" in found.warnings[0]
