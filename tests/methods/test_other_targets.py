"""Every method on what is no class: a value, a likeness, a region, an element of a tensor."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.methods import registered
from tests.methods.expected_forward_of_targets import FORWARD, recipro_cam, sampled_shap
from tests.methods.expected_gradients_of_targets import GRADIENTS
from tests.methods.expected_maps import TIGHT, Expected, Refused, near
from tests.methods.expected_relevance_of_targets import RELEVANCE
from tests.methods.other_targets import BLACK, CASES, LINEAR, SIDE, Opened, X

EXPECTED = {**GRADIENTS, **RELEVANCE, **FORWARD}
# Feature maps alone decide.
WITHOUT_TARGET = ("eigen-cam", "activation")
everywhere = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Open a case, each once."""

    @functools.cache
    def opened(name, **options):
        return Opened(name, tmp_path_factory.mktemp(name), **options)

    return opened


@pytest.fixture(scope="module")
def expected_of(opened):
    """Compute what a method must say, each once."""
    return functools.cache(lambda method, name: EXPECTED[method](opened(name)))


def require(case, method, expected):
    if isinstance(expected, Refused):
        with pytest.raises(OnnxplainError) as refusal:
            case.explain(method, **expected.options)
        assert expected.words in str(refusal.value)
        assert "\n" not in str(refusal.value)
    else:
        near(case.map(method, **expected.options), expected)


@everywhere
@pytest.mark.parametrize("method", list(registered()))
def test_every_method_agrees_with_its_oracle(method, name, opened, expected_of):
    """A method without an oracle fails here, for every kind of target."""
    require(opened(name), method, expected_of(method, name))


@pytest.mark.parametrize("method", list(registered()))
def test_oracles_tell_the_targets_apart(method, expected_of):
    found = [expected_of(method, name) for name in CASES]
    maps = [f.values for f in found if isinstance(f, Expected)]
    for k, one in enumerate(maps):
        for other in maps[k + 1 :]:
            apart = np.abs(one / np.abs(one).max() - other / np.abs(other).max()).max()
            assert (apart > 1e-2) == (method not in WITHOUT_TARGET)


@everywhere
def test_sampled_shapley_values(name, opened):
    case = opened(name)
    expected = sampled_shap(case)
    require(case, "kernel-shap", expected)
    other = case.map("kernel-shap", **{**expected.options, "seed": 5})
    assert np.abs(other - expected.values).max() > 1e-2 * np.abs(expected.values).max()


@everywhere
def test_what_kinks_may_hide_is_little(name, opened, expected_of):
    """Slopes at the picture alone are no integrated gradients, by far more than the slack."""
    expected = expected_of("integrated-gradients", name)
    missed = np.abs(expected.values - ((X - BLACK) * opened(name).slopes())[0])
    assert (missed > 10 * expected.slack).sum() > expected.values.size / 10


def test_an_embedding_with_a_bias_has_a_direction_without_any_maps(opened):
    case = opened("likeness", biased=True)
    require(case, "recipro-cam", recipro_cam(case))


@everywhere
def test_the_score_is_the_number(name, opened):
    case = opened(name)
    found = case.explain("gradient")
    assert found.score == pytest.approx(case.score(X)[0], rel=TIGHT)
    assert found.target.unit == case.case.unit


@everywhere
@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift"])
def test_parts_add_up_to_the_change(name, method, opened):
    case = opened(name)
    found = case.map(method, baseline="black")
    change = case.score(X)[0] - case.score(BLACK)[0]
    bound = 1e-2 if method == "integrated-gradients" else 1e-9
    assert found.sum() == pytest.approx(change, rel=bound)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift", "expected-gradients"])
def test_closed_form_on_a_linear_network(name, method, opened):
    case = opened(name, linear=True)
    options = {"baselines": "black"} if method == "expected-gradients" else {"baseline": "black"}
    near(case.map(method, **options), Expected(((X - BLACK) * case.slopes())[0], bound=1e-10))


@pytest.mark.parametrize("name", LINEAR)
def test_noise_averages_out_on_a_linear_network(name, opened):
    case = opened(name, linear=True)
    near(case.map("smoothgrad", samples=5), Expected(case.slopes()[0], bound=1e-10))
    squared = case.map("smoothgrad-squared", samples=5)
    near(squared, Expected(case.slopes()[0] ** 2, bound=1e-10))
    assert np.abs(case.map("vargrad", samples=5)).max() < 1e-10 * squared.max()


@pytest.mark.parametrize("name", LINEAR)
def test_lime_of_a_linear_network_is_what_each_region_contributes(name, opened):
    case = opened(name, linear=True)
    parts = ((X - BLACK) * case.slopes())[0].sum(axis=0)
    half = SIDE // 2
    blocks = parts.reshape(2, half, 2, half).sum(axis=(1, 3))
    expected = Expected(np.kron(blocks, np.ones((half, half))), bound=1e-4)
    near(case.map("lime", segments="grid", regions=4, fill_with="black", samples=200, alpha=0.0),
         expected)  # fmt: skip


@everywhere
@pytest.mark.parametrize("method", ["lrp", "deep-taylor"])
def test_relevance_says_where_it_went(name, method, opened):
    case = opened(name)
    found = case.explain(method)
    score = case.score(X)[0]
    arrived = found.measures["relevance_in"]
    assert found.attribution.sum(dtype=np.float64) == pytest.approx(arrived, rel=1e-9)
    absorbed = sum(leak["absorbed"] for leak in found.notes["leaks"])
    assert arrived + absorbed == pytest.approx(score, rel=1e-6)


@everywhere
def test_relevance_without_biases_is_conserved(name, opened):
    case = opened(name)
    found = case.explain("lrp", composite="epsilon", epsilon=1e-14)
    assert found.measures["relevance_out"] == pytest.approx(case.score(X)[0], rel=TIGHT)
    assert found.measures["conservation"] == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("name", ["value", "likeness", "element"])
def test_what_needs_classes_is_refused_in_one_line(name, opened):
    case = opened(name)
    attempts = [("clear", {}), ("lrp", {"start": "others"})]
    if name != "element":
        attempts += [("gradient", {"margin": True}), ("gradient", {"contrast": 0})]
    for method, options in attempts:
        with pytest.raises(UsageError) as refusal:
            case.explain(method, **options)
        assert "\n" not in str(refusal.value)


def test_an_element_has_no_margin(opened):
    case = opened("element")
    for options in ({"margin": True}, {"contrast": 0}):
        with pytest.raises(UsageError, match="no classes that compete"):
            case.explain("gradient", **options)
