"""LIME and KernelSHAP against Captum with the same draws, and on linear models."""

import functools

import captum.attr
import nets
import numpy as np
import pytest
import torch
from captum._utils.models.model import Model
from handmade import PyTorchOnly, context_of, model, target_of
from originals import difference
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LinearRegression, Ridge

from onnxplain.errors import UsageError
from onnxplain.methods import find
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.coalitions import independent, score_coalitions, shapley_pairs
from onnxplain.perturb.fills import fill
from onnxplain.perturb.regions import find_regions

TARGET = 3
GRID = {"segments": "grid", "regions": 16}


@functools.cache
def context(batch_size=None, seed=0):
    return context_of(nets.exported("resnet").proto, PyTorchOnly, batch_size=batch_size, seed=seed)


def image():
    return nets.exported("resnet").x.astype("float32")


def run(name, on=None, **options):
    on = on or context()
    target = target_of(on, TARGET, "probability")
    return find(name).function(on, image(), target, **{**GRID, **options})


class InDouble(Model):
    """What Captum fits with, in float64: its own casts everything to float32."""

    def __init__(self, regression):
        self.regression = regression

    def fit(self, train_data, **_):
        ((kept, scores, weights),) = train_data
        self.regression.fit(kept.double().numpy(), scores.numpy(), weights.double().numpy())

    def representation(self):
        return torch.from_numpy(self.regression.coef_)

    def __call__(self, x):
        raise NotImplementedError


def by_captum(rows, similarity, regression):
    """Captum's LIME on our network, with given choices of regions."""
    on, x = context(), image()
    labels = torch.from_numpy(find_regions(on, x[0], "grid", 16))
    absent = torch.from_numpy(fill(on, x, "mean"))
    target = target_of(on, TARGET, "probability")
    draws = iter(torch.from_numpy(rows).float()[:, None])

    def kept_parts(interpretable, original, **_):
        mask = interpretable[0][labels]
        return original * mask + absent * (1 - mask)

    explainer = captum.attr.LimeBase(
        lambda inputs: torch.from_numpy(on.score(inputs.numpy(), target)),
        InDouble(regression),
        similarity,
        lambda original, **_: next(draws),
        perturb_interpretable_space=True,
        from_interp_rep_transform=kept_parts,
        to_interp_rep_transform=None,
    )
    found = explainer.attribute(
        torch.from_numpy(x), n_samples=len(rows), perturbations_per_eval=len(rows)
    )
    return found.numpy()[labels.numpy()]


def test_lime_is_that_of_captum():
    def cosine(original, perturbed, kept, **_):
        ones = torch.ones_like(kept)
        distance = 1 - torch.nn.functional.cosine_similarity(kept.double(), ones.double())
        return torch.exp(-(distance**2) / (2 * 0.4**2))

    rows = Blocks(0, lambda r, count: independent(r, count, 16)).rows(slice(0, 200))
    theirs = by_captum(rows, cosine, Ridge(alpha=0.5))
    found = run("lime", samples=200, kernel_width=0.4, alpha=0.5)
    assert difference(found.values[0], theirs) < 1e-6
    other = run("lime", samples=200, kernel_width=0.25, alpha=0.5)
    assert difference(other.values[0], theirs) > 1e-3


def test_kernel_shap_is_that_of_captum():
    """Captum enforces the sum by a large weight for the empty and the full picture."""

    def large(original, perturbed, kept, **_):
        return torch.tensor([1e9 if kept.sum() in (0, 16) else 1.0])

    rows = Blocks(0, lambda r, count: shapley_pairs(r, count, 16)).rows(slice(0, 200))
    ends = np.repeat([[False], [True]], 16, axis=1)
    theirs = by_captum(np.concatenate([ends, rows]), large, LinearRegression())
    found = run("kernel-shap", samples=200)
    assert difference(found.values[0], theirs) < 1e-6
    other = run("kernel-shap", samples=198)
    assert difference(other.values[0], theirs) > 1e-3


@pytest.fixture(scope="module")
def linear():
    weight = np.random.default_rng(0).normal(size=(108, 4)).astype("f4")
    on = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=weight))
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 6, 6)).astype("f4")
    return on, x, ((x - 0.25) * weight[:, 2].reshape(3, 6, 6)).sum(1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lime", {"alpha": 0.0, "samples": 300, "regions": 9}),
        ("kernel-shap", {"regions": 9}),
        ("kernel-shap", {"regions": 18, "samples": 200}),
    ],
)
def test_a_linear_model_gives_what_each_region_contributes(linear, name, options):
    on, x, contributions = linear
    found = find(name).function(
        on, x, target_of(on, 2), segments="grid", fill_with="0.25", **options
    )
    for n in range(len(x)):
        labels = found.maps["regions"][n]
        sums = np.bincount(labels.ravel(), contributions[n].ravel())
        assert difference(found.values[n], sums[labels]) < 1e-5
    assert np.abs(found.maps["standard_error"]).max() < 1e-5
    assert difference(found.values[0], found.values[1]) > 0.1


@pytest.mark.parametrize("max_seconds", [None, 1e6])
def test_at_most_eleven_regions_are_exact(monkeypatch, max_seconds):
    exact = run("kernel-shap", regions=9, max_seconds=max_seconds)
    assert exact.measures["samples"] == 2**9
    assert not exact.maps["standard_error"].any()
    monkeypatch.setattr("onnxplain.methods.kernel_shap._EXACT", 8)
    sampled = run("kernel-shap", regions=9, samples=3000)
    assert sampled.measures["samples"] == 3000
    errors = sampled.maps["standard_error"]
    assert 0 < errors.max() < 0.1 * np.abs(exact.values).max()
    assert np.abs((sampled.values - exact.values) / errors).max() < 5


def test_few_regions_are_sampled_where_time_is_short():
    found = run("kernel-shap", regions=9, samples=10**6, max_seconds=1e-3)
    assert found.notes["sampling_ended"] == ["time"]
    assert found.maps["standard_error"].any()
    assert abs(found.measures["completeness_gap"][0]) < 1e-10


@pytest.mark.parametrize("options", [{"regions": 9}, {"samples": 200}])
def test_the_regions_add_up_to_the_change_of_the_score(options):
    found = run("kernel-shap", **options)
    on, x, labels = context(), image(), found.maps["regions"][0]
    ends = np.repeat([[False], [True]], labels.max() + 1, axis=1)
    target = target_of(on, TARGET, "probability")
    empty, full = score_coalitions(on, target, x[0], fill(on, x, "mean")[0], labels, ends)
    values = [found.values[0][labels == k][0] for k in range(labels.max() + 1)]
    assert sum(values) == pytest.approx(full - empty, abs=1e-12)
    assert abs(found.measures["completeness_gap"][0]) < 1e-10
    assert abs(full - empty) > 1e-3


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
@pytest.mark.parametrize("batch_size", [1, 7, 200])
def test_the_batch_size_changes_nothing(name, batch_size):
    one, other = (run(name, context(b), samples=150) for b in (None, batch_size))
    assert difference(other.values, one.values) < 1e-4
    settled = [run(name, context(b), tolerance=0.15) for b in (None, batch_size)]
    assert settled[0].measures["samples"] == settled[1].measures["samples"]
    assert settled[0].notes["sampling_ended"] == ["settled"]


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
def test_the_error_covers_what_another_seed_gives(name):
    runs = [run(name, context(seed=s), samples=256) for s in range(20)]
    spread = np.std([r.values[0] for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"][0] for r in runs], axis=0)
    assert np.median(claimed / spread) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
def test_time_ends_it_and_the_count_repeats_it(name):
    found = run(name, samples=10**6, max_seconds=0.05)
    count = int(found.measures["samples"][0])
    assert found.notes["sampling_ended"] == ["time"]
    assert 18 <= count < 10**6
    again = run(name, samples=count)
    np.testing.assert_allclose(again.values, found.values, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
@pytest.mark.parametrize("image", ["float[N,3,24,30] image", "float[N,24,30,1] image"])
def test_superpixels_of_colours_and_of_grey_in_both_layouts(name, image):
    rng = np.random.default_rng(0)
    channels, last = (1, True) if image.endswith("1] image") else (3, False)
    size = 24 * 30 * channels
    body = "f = Flatten(image) scores = MatMul(f, w)"
    on = context_of(model(body, image=image, w=rng.normal(size=(size, 3))))
    blobs = gaussian_filter(rng.normal(size=(24, 30, channels)), (4, 4, 0))
    x = (blobs / np.abs(blobs).max())[None].astype("f4")
    x = x if last else np.moveaxis(x, -1, 1)
    found = find(name).function(on, x, target_of(on, 1), samples=100, regions=20)
    labels = found.maps["regions"][0]
    assert found.values.shape == (1, *labels.shape) == (1, 24, 30)
    assert len(np.unique(found.values)) == labels.max() + 1 > 8


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lime", {"kernel_width": 0.0}, "kernel_width"),
        ("lime", {"alpha": -1.0}, "alpha"),
        ("lime", {"samples": 0}, "samples must be 1 or more, not 0"),
        ("kernel-shap", {"samples": 0}, "samples must be 1 or more, not 0"),
        ("kernel-shap", {"regions": 0}, "regions must be 1 to 1024, .*not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(name, options, message):
    with pytest.raises(UsageError, match=message):
        run(name, **options)
