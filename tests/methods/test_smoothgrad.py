"""SmoothGrad, its relatives and expected gradients: transcriptions, closed forms, Captum."""

import captum.attr
import numpy as np
import pytest
import torch
from handmade import context_of, model, target_of
from originals import difference, pair

from onnxplain.errors import UsageError
from onnxplain.methods import find, registered
from onnxplain.methods.smoothgrad import LOOK

TARGET = 3
FAMILY = ["smoothgrad", "smoothgrad-squared", "vargrad"]


def explain(made, method, **options):
    return made.double.explain(made.x, method, TARGET, **{"kind": "logit", **options}).attribution


@pytest.fixture(scope="module")
def linear():
    weight = np.random.default_rng(0).normal(size=(4, 108)).astype(np.float32)
    body = "f = Flatten(image) scores = Gemm<transB = 1>(f, w)"
    return context_of(model(body, w=weight)), weight[2].reshape(3, 6, 6).astype(np.float64)


@pytest.mark.parametrize("of", ["gradient", "gradient-x-input", "lrp"])
def test_moments_against_a_transcription(of):
    made, samples, level = pair("resnet"), 6, 0.2
    random = np.random.default_rng(5)
    noise = random.normal(size=(samples, *made.x.shape[1:])) * level * np.ptp(made.x)
    each = [
        made.double.explain(
            made.x.astype(np.float64) + n[None], of, TARGET, kind="logit"
        ).attribution
        for n in noise
    ]
    options = {"of": of, "samples": samples, "noise_level": level, "seed": 5}
    expected = [np.mean(each, 0), np.mean(np.square(each), 0), np.var(each, 0)]
    for method, wanted in zip(FAMILY, expected, strict=True):
        assert difference(explain(made, method, **options), wanted) < 1e-9
        other = explain(made, method, **{**options, "seed": 6})
        assert difference(other, wanted) > 1e-3


@pytest.mark.parametrize("method", FAMILY)
def test_no_noise_is_the_method_itself(method):
    made = pair("vgg")
    plain = explain(made, "gradient")
    found = explain(made, method, samples=2, noise_level=0)
    expected = {"smoothgrad": plain, "smoothgrad-squared": plain**2, "vargrad": 0 * plain}[method]
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(plain).max())


def test_a_linear_model_does_not_mind_noise(linear):
    context, weight = linear
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))
    target = target_of(context, 2)
    found = find("smoothgrad").function(context, x, target, samples=5)
    assert difference(found.values[0], weight) < 1e-14
    variance = find("vargrad").function(context, x, target, samples=5)
    assert np.abs(variance.values).max() < 1e-14


AVERAGED = [
    n for n, m in registered().items() if m.family in ("gradient", "relevance") and n not in FAMILY
]


@pytest.mark.parametrize("of", AVERAGED)
def test_any_gradient_or_relevance_method_can_be_averaged(of):
    """The mean over noisy copies is that of single runs of the method, taken by hand."""
    made, samples, level = pair("vit"), 2, 0.1
    noise = np.random.default_rng(3).normal(size=(samples, *made.x.shape[1:]))
    noisy = made.x.astype(np.float64) + noise[:, None] * level * np.ptp(made.x)
    each = [made.double.explain(x, of, TARGET, seed=3, kind="logit").attribution for x in noisy]
    options = {"of": of, "samples": samples, "noise_level": level, "seed": 3}
    expected = [np.mean(each, 0), np.mean(np.square(each), 0), np.var(each, 0)]
    for method, wanted in zip(FAMILY, expected, strict=True):
        assert difference(explain(made, method, **options), wanted) < 1e-6


@pytest.mark.parametrize("of", ["occlusion", "cam", "smoothgrad", "vargrad"])
def test_what_cannot_be_averaged_is_refused(of):
    with pytest.raises(UsageError, match="cannot be averaged"):
        explain(pair("resnet"), "smoothgrad", of=of)


@pytest.mark.parametrize("method", FAMILY)
def test_time_and_tolerance_end_it(method):
    """A map that ended early is that of as many samples; it ends where it is looked at."""
    made = pair("vgg")
    hurried = made.double.explain(
        made.x, method, TARGET, samples=10**6, max_seconds=1e-3, kind="logit"
    )
    assert hurried.notes["sampling_ended"] == ["time"]
    settled = made.double.explain(
        made.x, method, TARGET, samples=10**6, tolerance=0.04, kind="logit"
    )
    assert settled.notes["sampling_ended"] == ["settled"]
    assert settled.measures["relative_error"] <= 0.04
    assert settled.measures["samples"] % LOOK == 0
    for ended in (hurried, settled):
        done = int(ended.measures["samples"])
        again = made.double.explain(made.x, method, TARGET, samples=done, kind="logit")
        assert difference(again.attribution, ended.attribution) < 1e-12
        assert again.notes["sampling_ended"] == ["all samples"]
    fewer = made.double.explain(made.x, method, TARGET, samples=done - LOOK, kind="logit")
    assert fewer.measures["relative_error"] > 0.04


@pytest.mark.parametrize("method", FAMILY)
def test_the_error_is_the_spread_over_seeds(method):
    rng = np.random.default_rng(3)
    proto = model(
        "f = Flatten(image) x = Gemm<transB = 1>(f, v) y = Relu(x) scores = Gemm<transB = 1>(y, w)",
        v=rng.normal(size=(40, 108)),
        w=rng.normal(size=(4, 40)),
    )
    x = rng.uniform(-1, 1, (1, 3, 6, 6))
    contexts = [context_of(proto, seed=s) for s in range(60)]
    target = target_of(contexts[0], 2)
    options = {"samples": 64, "noise_level": 0.3}
    runs = [find(method).function(s, x, target, **options) for s in contexts]
    spread = np.std([r.values[0].sum(axis=0) for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"][0] for r in runs], axis=0)
    assert np.median(claimed / spread) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("options", [{"samples": 0}, {"noise_level": -0.1}, {"tolerance": 0.0}])
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        explain(pair("vgg"), "smoothgrad", **options)


def test_smoothgrad_agrees_with_captum_in_the_mean():
    """Other draws, so only as close as the sampling error: within four standard errors."""
    made, samples = pair("resnet"), 400
    theirs = (
        captum.attr.NoiseTunnel(captum.attr.Saliency(made.net))
        .attribute(
            torch.from_numpy(made.x).double(),
            nt_type="smoothgrad",
            nt_samples=samples,
            stdevs=0.15 * float(np.ptp(made.x)),
            target=TARGET,
            abs=False,
        )[0]
        .numpy()
    )
    ours = explain(made, "smoothgrad", samples=samples)
    error = np.sqrt(2 * explain(made, "vargrad", samples=samples) / samples)
    assert np.mean(np.abs(ours - theirs) < 4 * error) > 0.99
    assert np.mean(np.abs(explain(made, "gradient") - theirs) < 4 * error) < 0.5


def test_expected_gradients_on_a_linear_model(linear):
    """The mean over the baselines is exact: the draw is balanced."""
    context, weight = linear
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6))
    found = find("expected-gradients").function(
        context, x, target_of(context, 2), baselines="black,white,0.5", samples=9
    )
    assert difference(found.values, (x - np.mean([-1, 1, 0.5])) * weight) < 1e-13
    assert np.abs(found.measures["completeness_gap"]).max() < 1e-12


def test_expected_gradients_of_one_baseline_tend_to_integrated_gradients():
    made = pair("vit")
    exact = explain(made, "integrated-gradients", baseline="white", steps=100, max_steps=100)
    few = explain(made, "expected-gradients", baselines="white", samples=50)
    many = explain(made, "expected-gradients", baselines="white", samples=3200)
    assert np.linalg.norm(many - exact) < 0.3 * np.linalg.norm(few - exact)
    assert np.linalg.norm(many - exact) < 0.05 * np.linalg.norm(exact)


def test_expected_gradients_end_by_time_or_tolerance():
    made, method = pair("vgg"), "expected-gradients"
    hurried = made.double.explain(
        made.x, method, TARGET, samples=10**6, max_seconds=1e-3, kind="logit"
    )
    settled = made.double.explain(
        made.x, method, TARGET, samples=10**6, tolerance=0.03, kind="logit"
    )
    assert hurried.notes["sampling_ended"] == ["time"]
    assert settled.notes["sampling_ended"] == ["settled"]
    assert settled.measures["relative_error"] <= 0.03
    for ended in (hurried, settled):
        done = int(ended.measures["samples"])
        again = made.double.explain(made.x, method, TARGET, samples=done, kind="logit")
        assert difference(again.attribution, ended.attribution) < 1e-12


def test_the_error_of_expected_gradients_is_no_less_than_the_spread_over_seeds():
    made = pair("vgg")
    runs = [
        made.double.explain(made.x, "expected-gradients", TARGET, samples=24, seed=s, kind="logit")
        for s in range(20)
    ]
    spread = np.std([r.attribution.sum(axis=0) for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"] for r in runs], axis=0)
    assert 0.9 < np.median(claimed / spread) < 4
    alone = made.double.explain(made.x, "expected-gradients", TARGET, samples=4, kind="logit")
    assert np.isnan(alone.maps["standard_error"]).all()


def test_expected_gradients_report_their_gap():
    found = pair("vit").double.explain(
        pair("vit").x, "expected-gradients", TARGET, samples=800, kind="logit"
    )
    assert abs(found.measures["completeness_gap"]) < 0.1
    few = pair("vit").double.explain(
        pair("vit").x, "expected-gradients", TARGET, samples=1, kind="logit"
    )
    assert abs(few.measures["completeness_gap"]) > abs(found.measures["completeness_gap"])


@pytest.mark.parametrize("options", [{"samples": 0}, {"baselines": " , "}, {"baselines": "grey"}])
def test_expected_gradients_refuse_nonsense(options):
    with pytest.raises(UsageError):
        explain(pair("vit"), "expected-gradients", **options)


def test_an_image_file_as_baseline(tmp_path):
    from PIL import Image

    made = pair("vgg")
    path = tmp_path / "white.png"
    Image.new("RGB", (5, 5), (255, 255, 255)).save(path)
    options = {"steps": 3, "max_steps": 3}
    by_file = explain(made, "integrated-gradients", baseline=str(path), **options)
    by_name = explain(made, "integrated-gradients", baseline="white", **options)
    assert difference(by_file, by_name) < 1e-6
