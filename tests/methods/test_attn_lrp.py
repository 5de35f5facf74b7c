"""Relevance through attention: both forms against their definition, in NumPy."""

import graphs
import numpy as np
import pytest
from handmade import context_of, model, target_of
from scipy.special import softmax

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.methods.attn_lrp import attn_lrp

BODY = """
    t = Reshape(image, flat) x = Transpose<perm = [0,2,1]>(t)
    z = MatMul(x, t) a = Softmax<axis = -1>(z) v = MatMul(x, wv) o = MatMul(a, v)
    p = ReduceMean<axes = [1], keepdims = 0>(o) scores = MatMul(p, w)
"""
RNG = np.random.default_rng(0)
WEIGHTS = {"wv": RNG.normal(size=(3, 5)), "w": RNG.normal(size=(5, 4))}
EXACT = {"gamma": 0.0, "linear_gamma": 0.0, "epsilon": 1e-14}
CLASS = 2


@pytest.fixture(scope="module")
def context():
    return context_of(model(BODY, {**WEIGHTS, "flat": np.array([0, 3, 36])}))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))


def tokens(x):
    return x.reshape(3, 36).T


def parts(x):
    """Tokens, attention weights, values, and what each value counts for the score."""
    t = tokens(x)
    wv, w = (WEIGHTS[n].astype(np.float32).astype(np.float64) for n in ("wv", "w"))
    return t, softmax(t @ t.T, axis=1), t @ wv, wv, w[:, CLASS] / 36


def as_image(relevance):
    return relevance.T.reshape(1, 3, 6, 6)


def explained(context, x, **options):
    return attn_lrp(context, x, target_of(context, CLASS), **{**EXACT, **options})


def test_with_constant_weights_all_goes_to_the_values(context, x):
    """The network is then linear: input times slope."""
    t, a, v, wv, w = parts(x)
    wanted = as_image(a.sum(axis=0)[:, None] * t * (wv @ w))
    found = explained(context, x, form="cp")
    np.testing.assert_allclose(found.values, wanted, rtol=1e-8)
    np.testing.assert_allclose(found.measures["relevance_out"], [(a @ v @ w).sum()], rtol=1e-10)
    np.testing.assert_allclose(found.measures["conservation"], [1.0], rtol=1e-8)


def test_queries_and_keys_get_their_share(context, x):
    """Half of each product goes to either factor; Softmax hands on by its linear part."""
    t, a, v, wv, w = parts(x)
    to_values = 0.5 * a.sum(axis=0)[:, None] * t * (wv @ w)
    to_weights = 0.5 * a * (v @ w)
    inside = to_weights - a * to_weights.sum(axis=1, keepdims=True)
    # Each score is a product of tokens: of the query's and of the key's entries.
    to_queries, to_keys = 0.5 * t * (inside @ t), 0.5 * t * (inside.T @ t)
    found = explained(context, x)
    wanted = as_image(to_values + to_queries + to_keys)
    np.testing.assert_allclose(found.values, wanted, rtol=1e-7, atol=1e-12)
    other = explained(context, x, form="cp").values
    assert np.abs(found.values - other).max() > 0.05 * np.abs(other).max()


def test_gammas_make_positive_weights_count_more(context, x):
    plain = explained(context, x, form="cp")
    leaning = explained(context, x, form="cp", linear_gamma=5.0)
    assert np.abs(plain.values - leaning.values).max() > 0.05 * np.abs(plain.values).max()
    # What is handed on is still the score, but for the stabilizer of the gamma rule itself.
    np.testing.assert_allclose(leaning.measures["conservation"], [1.0], rtol=1e-4)


def test_relevance_inside_and_of_some_channels(context, x):
    _, a, v, _, w = parts(x)
    found = explained(context, x, form="cp", at="v")
    np.testing.assert_allclose(found.maps["at"][0], a.sum(axis=0)[:, None] * v * w, rtol=1e-8)
    some = [explained(context, x, form="cp", at="v", channels=c).values for c in ("0,2", "1,3,4")]
    np.testing.assert_allclose(sum(some), explained(context, x, form="cp").values, rtol=1e-8)


def test_the_form_is_written_down(context, x):
    for form, name in (("attn", "attn-lrp"), ("cp", "cp-lrp")):
        assert explained(context, x, form=form).parameters["composite"] == name


def test_other_forms_are_refused(context, x):
    with pytest.raises(UnknownNameError, match=r"form of attn-lrp 'flash'.*forms: attn, cp"):
        explained(context, x, form="flash")


def test_a_network_without_attention_is_refused():
    plain = context_of(graphs.classifier())
    with pytest.raises(MethodRefusedError, match="this one has none; use lrp"):
        attn_lrp(plain, np.zeros((1, 3, 12, 12)), target_of(plain, 0))


def test_an_operator_without_rule_is_refused_unless_passed(x):
    body = BODY.replace("scores = MatMul(p, w)", "q = Sin(p) scores = MatMul(q, w)")
    odd = context_of(model(body, {**WEIGHTS, "flat": np.array([0, 3, 36])}))
    with pytest.raises(MethodRefusedError, match="Sin"):
        explained(odd, x)
    assert explained(odd, x, unknown="pass").values.any()
