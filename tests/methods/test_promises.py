"""A method that does not keep what its card promises says so: why, how far, and what helps."""

import json

import numpy as np
import pytest
from handmade import context_of, model, target_of

import onnxplain
from onnxplain import Explanation
from onnxplain.methods import find, registered
from onnxplain.methods.promises import gap_warnings
from tests.applicable import WITHOUT_ATTENTION

SMOOTH = """
    c = Conv<pads = [1,1,1,1]>(image, w) t = Tanh(c) p = GlobalAveragePool(t) f = Flatten(p)
    scores = Gemm<transB = 1>(f, u, a)
"""
DIGIT = "examples/digits/3-10.png"


def smooth(scale=6.0, **options):
    rng = np.random.default_rng(0)
    weights = {
        "w": scale * rng.normal(size=(4, 3, 3, 3)),
        "u": rng.normal(size=(3, 4)),
        "a": rng.normal(size=3),
    }
    return context_of(model(SMOOTH, weights), **options)


def picture():
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))


def run(name, context, **parameters):
    return find(name).function(context, picture(), target_of(context, 1), **parameters)


def test_too_few_steps_of_integrated_gradients():
    few = run("integrated-gradients", smooth(), steps=2, max_steps=2)
    (warning,) = few.warnings
    gap = few.measures["completeness_gap"][0]
    assert abs(gap) > 0.01
    assert f"completeness gap {100 * gap:.3g} %" in warning
    assert "tolerance of 1 %" in warning
    assert "max_steps=8" in warning
    assert run("integrated-gradients", smooth(), steps=200).warnings == ()
    assert run("integrated-gradients", smooth(), steps=2, max_steps=2, tolerance=9.0).warnings == ()


def test_too_few_samples_of_expected_gradients():
    few = run("expected-gradients", smooth(), samples=8)
    assert abs(few.measures["completeness_gap"][0]) > find("expected-gradients").tolerance
    assert "samples=64" in few.warnings[0]
    assert run("expected-gradients", smooth(0.01), samples=50).warnings == ()


def test_averages_pass_a_warning_on():
    found = run("smoothgrad", smooth(), of="integrated-gradients", samples=2, noise_level=0.0)
    assert found.warnings == ()
    body = SMOOTH.replace("Tanh(c)", "Sigmoid(s)").replace(
        "t = ", "b = Conv<pads = [1,1,1,1]>(image, v) s = Add(c, b) t = "
    )
    rng = np.random.default_rng(0)
    w, u = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=(3, 4))
    v = -w + 1e-6 * rng.normal(size=w.shape)
    cancelling = context_of(model(body, w=w, v=v, u=u, a=np.zeros(3)))
    (own,) = run("lrp", cancelling).warnings
    for name in ("smoothgrad", "vargrad"):
        (passed,) = run(name, cancelling, of="lrp", samples=2).warnings
        assert passed.startswith("in the lrp that is averaged: the numbers explode")
    assert own.split(":")[0] in passed


@pytest.mark.parametrize(
    ("gap", "expected"), [(0.01, 0), (-0.01, 0), (0.0101, 1), (-3.0, 1), (np.nan, 1), (np.inf, 1)]
)
def test_a_gap_counts_by_its_size(gap, expected):
    assert len(gap_warnings(np.array([0.0, gap]), 0.01, "do something")) == expected


def test_biases_that_add_more_than_the_score():
    """y = x - 0.9 hands out x / y = 10 times what it gets; the shift makes it so, not the rule."""
    body = "f = Flatten(image) g = Gemm(f, w, b) scores = Gemm(g, one)"
    w = np.full((108, 1), 1 / 108)
    found, control = (
        find("lrp").function(
            context, np.ones((1, 3, 6, 6)), target_of(context, 0), composite="epsilon"
        )
        for context in (
            context_of(model(body, w=w, b=np.array([b]), one=np.ones((1, 2)))) for b in (-0.9, -0.4)
        )
    )
    assert found.measures["conservation"][0] == pytest.approx(10, rel=1e-4)
    (warning,) = found.warnings
    assert "1e+03 % of the score arrives" in warning
    assert "composite=epsilon-plus with zero_bias=true" in warning
    assert control.measures["conservation"][0] == pytest.approx(1 / 0.6, rel=1e-4)
    assert control.warnings == ()


def test_deep_taylor_on_a_network_that_it_is_not_for():
    body = SMOOTH.replace("Tanh", "{}")
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3, 3)), "u": rng.normal(size=(3, 4)), "a": np.zeros(3)}
    with_sign, without = (
        run("deep-taylor", context_of(model(body.format(op), weights))) for op in ("Tanh", "Relu")
    )
    assert "both signs" in with_sign.warnings[0]
    assert without.warnings == ()
    assert without.values.min() >= 0 or without.values.max() <= 0


def test_zero_bias_that_loses_relevance_all_the_same():
    """A neuron that only its bias holds up has nobody to hand its relevance to."""
    body = """
        r = Conv(image, i) q = Relu(r) c = Conv(q, w, b) t = Relu(c) p = GlobalAveragePool(t)
        f = Flatten(p) scores = Gemm<transB = 1>(f, u)
    """
    w = np.random.default_rng(0).uniform(0.1, 1, (2, 3, 1, 1))
    w[1] *= -1.0
    x = np.random.default_rng(1).uniform(0.2, 1, (1, 3, 6, 6))
    identity = np.eye(3)[:, :, None, None]
    for held_up in (9.0, 0.0):
        weights = {"i": identity, "w": w, "b": np.array([0.0, held_up]), "u": np.ones((3, 2))}
        context = context_of(model(body, weights))
        found = find("deep-taylor").function(context, x, target_of(context, 0), zero_bias=True)
        lost = 1 - found.measures["conservation"][0]
        assert (lost > 0.5) == bool(held_up)
        assert [w.split("%")[1][:21] for w in found.warnings] == [" of the score arrives"] * (
            held_up > 0
        )


def test_xgrad_cam_whose_sums_cancel():
    """One feature map with values of both signs that add up to nothing."""
    body = "a = Conv(image, w) t = Mul(a, a) p = GlobalAveragePool(t) f = Flatten(p) "
    body += "scores = Gemm<transB = 1>(f, u)"
    w, u = np.array([1.0, 0, 0]).reshape(1, 3, 1, 1), np.array([[1.0], [2.0]])
    context = context_of(model(body, w=w, u=u))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 6, 6))
    x[:, 0] -= x[:, 0].mean()
    found = find("xgrad-cam").function(context, x, target_of(context, 1), layer="a")
    assert "100 % of the map" in found.warnings[0]
    usual = find("xgrad-cam").function(context, x + 0.5, target_of(context, 1), layer="a")
    assert usual.warnings == ()


def test_every_gap_has_a_tolerance_on_its_card():
    """Whoever measures completeness says above which number it matters, and the other way round."""
    opened = onnxplain.load("models/digits-gap.onnx")
    picture, prediction = opened.read(DIGIT), opened.predict(DIGIT)
    for name, method in registered().items():
        if name not in WITHOUT_ATTENTION:
            continue
        few = {"samples": 64} if "samples" in method.parameters and name != "occlusion" else {}
        found = opened.explain(picture, name, prediction=prediction, **few)
        assert ("completeness_gap" in found.measures) == (method.tolerance is not None), name


@pytest.fixture
def warned():
    """An explanation with a warning, as `Model.explain` gives it."""
    opened = onnxplain.load("models/digits-gap.onnx")
    found = opened.explain(DIGIT, "integrated-gradients", steps=1, max_steps=1)
    assert len(found.warnings) == 1
    return found


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_a_warning_is_kept_with_the_explanation(warned, tmp_path, ending):
    warned.save(tmp_path / f"e.{ending}")
    assert Explanation.load(tmp_path / f"e.{ending}").warnings == warned.warnings
    assert warned.to_dict()["warnings"] == list(warned.warnings)


def test_files_without_warnings_are_read(warned, tmp_path):
    warned.save(tmp_path / "e.json")
    record = json.loads((tmp_path / "e.json").read_text())
    del record["warnings"]
    (tmp_path / "e.json").write_text(json.dumps(record))
    assert Explanation.load(tmp_path / "e.json").warnings == ()
