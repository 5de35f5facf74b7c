"""Which rule stands where: by operator, group, name and position."""

import numpy as np
import pytest
from handmade import model, walk
from originals import difference

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.relevance.composites import NAMES, Composite, Match, RuleUse, Site, composite

BODY = """
    c = Conv(image, w) r = Relu(c) d = Conv(r, v) p = GlobalAveragePool(d) f = Flatten(p)
    scores = Gemm<transB = 1>(f, u)
"""


@pytest.fixture(scope="module")
def net():
    rng = np.random.default_rng(0)
    weights = {"w": (4, 3, 3, 3), "v": (5, 4, 2, 2), "u": (3, 5)}
    return model(BODY, {k: rng.normal(size=s) for k, s in weights.items()})


def relevance(net, rules, name="image"):
    x = np.random.default_rng(1).normal(size=(1, 3, 6, 6))
    R = np.array([[1.0, 0, 0]])
    return walk(net, x, R, rules, names=(name,)).relevance[name].numpy()


def of(*rules, **options):
    return Composite("test", tuple(rules), **options)


EPSILON = RuleUse("epsilon", {"epsilon": 1e-6})
FLAT = RuleUse("flat")


@pytest.mark.parametrize(
    "match",
    [
        Match(("convolution",), position="first"),
        Match(position="first"),
        Match(name="c"),
        Match(("Conv", "Gemm"), name="[c]"),
        Match(("Conv",), name="?", position="first"),
    ],
)
def test_the_first_convolution_is_found_in_every_way(net, match):
    found = relevance(net, of((match, FLAT)))
    assert difference(found, relevance(net, of((Match(name="c"), FLAT)))) == 0
    assert difference(found, relevance(net, of())) > 1e-2
    assert difference(found, relevance(net, of((Match(("convolution",)), FLAT)))) > 1e-2


@pytest.mark.parametrize("match", [Match(("linear",)), Match(position="last"), Match(("Gemm",))])
def test_the_last_layer_is_found_in_every_way(net, match):
    found = relevance(net, of((match, FLAT)), "f")
    np.testing.assert_allclose(found, np.full((1, 5), 0.2), rtol=1e-5)


def test_the_first_match_decides(net):
    one = of((Match(name="c"), FLAT), (Match(("Conv",)), RuleUse("z-plus")))
    other = of((Match(("Conv",)), RuleUse("z-plus")), (Match(name="c"), FLAT))
    plus = relevance(net, of((Match(("Conv",)), RuleUse("z-plus"))))
    assert difference(relevance(net, other), plus) == 0
    assert difference(relevance(net, one), plus) > 1e-2


def test_a_rule_over_that_of_an_operator_without_weights(net):
    """The pooled average by gradient instead of by contribution."""
    rules = of((Match(("GlobalAveragePool",)), RuleUse("gradient")))
    pooled, spread = relevance(net, rules, "p"), relevance(net, rules, "d")
    np.testing.assert_allclose(spread, np.broadcast_to(pooled / 9, spread.shape))
    assert difference(spread, relevance(net, of(), "d")) > 1e-2
    assert not relevance(net, of((Match(("Relu",)), RuleUse("none")))).any()


@pytest.mark.parametrize(
    ("use", "place", "message"),
    [
        ("z-plus", "GlobalAveragePool", "z-plus cannot stand at GlobalAveragePool.*'p'.*weights"),
        ("halves", "Relu", "halves cannot stand at Relu.*products of two signals"),
        ("deep-taylor", "Relu", "deep-taylor cannot stand at Relu.*Softmax"),
        ("signal", "Conv", "signal cannot stand at Conv.*which has weights"),
        ("pass", "GlobalAveragePool", "cannot pass GlobalAveragePool.*shape"),
        ("pass", "Conv", "pass cannot stand at Conv.*shape"),
    ],
)
def test_a_rule_in_the_wrong_place_is_refused_by_name(net, use, place, message):
    with pytest.raises(MethodRefusedError, match=message):
        relevance(net, of((Match((place,)), RuleUse(use))))


def test_unknown_operators_on_request():
    body = "s = Sin(image) scores = Relu(s)"
    proto = model(body, output="float[N,C,H,W] scores")
    x, R = np.random.default_rng(0).normal(size=(2, 1, 3, 6, 6))
    passed = walk(proto, x, R, of(unknown="pass")).relevance["image"].numpy()
    np.testing.assert_array_equal(passed, R)
    sloped = walk(proto, x, R, of(unknown="gradient")).relevance["image"].numpy()
    np.testing.assert_allclose(sloped, np.cos(x) * R, rtol=1e-12)
    with pytest.raises(MethodRefusedError, match=r"Sin at tensor 's'.*unknown=pass.*gradient"):
        walk(proto, x, R, of())
    changed = model(
        "s = CumSum(image, a) scores = ReduceProd<axes = [3]>(s)",
        a=np.array(3),
        output="float[N,C,H,K] scores",
    )
    with pytest.raises(MethodRefusedError, match=r"cannot pass ReduceProd.*gradient"):
        walk(changed, x, R[..., :1], of(unknown="pass"))


@pytest.mark.parametrize("name", NAMES)
def test_every_composite_by_name(net, name):
    rules = composite(name).within((np.full((1, 3, 1, 1), -4.0), np.full((1, 3, 1, 1), 4.0)))
    found = relevance(net, rules)
    assert np.isfinite(found).all()
    assert found.any()
    assert rules.to_dict()["name"] == name


def test_deep_taylor_is_z_plus_behind_z_box(net):
    bounds = (np.full((1, 3, 1, 1), -4.0), np.full((1, 3, 1, 1), 4.0))
    plus, box = RuleUse("z-plus"), RuleUse("z-box")
    by_hand = of((Match(name="c"), box), (Match(name="d"), plus), (Match(name="scores"), plus))
    found = relevance(net, composite("deep-taylor").within(bounds))
    assert difference(found, relevance(net, by_hand.within(bounds))) == 0
    first = Match(position="first")
    unbounded = of((first, RuleUse("w-square")), (Match(("convolution", "linear")), plus))
    found = relevance(net, composite("deep-taylor-unbounded"))
    assert difference(found, relevance(net, unbounded)) == 0


def test_zero_bias_is_offered_where_it_is_safe():
    assert composite("epsilon-plus", zero_bias=True).rules[0][1].parameters == {"zero_bias": True}
    with pytest.raises(UsageError, match="zero_bias is not offered by composite epsilon-gamma-box"):
        composite("epsilon-gamma-box", zero_bias=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: composite("epsilon-pls"), "unknown composite.*epsilon-plus"),
        (lambda: composite("epsilon", epsilon=-1.0), "epsilon.*not negative"),
        (lambda: composite("epsilon-gamma-box", gamma=float("nan")), "gamma.*finite"),
        (
            lambda: composite("epsilon", unknown="ignore"),
            "`unknown` 'ignore'.*refuse, pass, gradient",
        ),
        (lambda: RuleUse("gama"), "unknown relevance rule 'gama'; nearest: 'gamma'"),
        (lambda: RuleUse("gamma", {"gama": 1}), "unknown parameter of rule gamma 'gama'"),
        (lambda: RuleUse("alpha-beta", {"alpha": 2.0, "beta": 2.0}), "alpha - beta.*must be 1"),
        (lambda: RuleUse("z-plus", {"zero_bias": 1}), "zero_bias.*true or false"),
        (lambda: Match(position="second"), "unknown position.*first"),
    ],
)
def test_wrong_parts_are_named(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_names_match_tensor_node_and_kind():
    site = Site(frozenset({"Conv", "convolution"}), ("/a/Conv_output_0", "a.conv"))
    assert Match(("convolution",), "/a/*").fits(site)
    assert Match(name="a.conv").fits(site)
    assert not Match(name="conv").fits(site)
    assert not Match(("linear",)).fits(site)
    assert not Match(position="first").fits(site)
