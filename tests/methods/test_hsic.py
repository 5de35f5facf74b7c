"""HSIC attribution: closed forms, independence, the authors' estimator, its error, its limits."""

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of

from onnxplain.errors import UsageError
from onnxplain.methods.hsic import hsic
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.coalitions import independent, score_coalitions
from onnxplain.perturb.fills import fill
from onnxplain.perturb.regions import find_regions

TARGET = 3


def lone(weight=2.0):
    """A score that the first pixel alone decides: weight where it is kept, and 0 elsewhere."""
    weights = np.zeros((108, 2))
    weights[0, 1] = weight
    on = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=weights), PyTorchOnly)
    return on, np.ones((1, 3, 6, 6))


def choices(count, regions, seed=0):
    blocks = Blocks(seed, lambda random, rows: independent(random, rows, regions))
    return blocks.rows(slice(0, count))


def test_one_region_alone_in_closed_form():
    on, x = lone()
    options = {"samples": 300, "regions": 4, "fill_with": "0", "width": 1.5}
    found = hsic(on, x, target_of(on, 1), **options)
    share = choices(300, 4)[:, 0].mean()
    expected = 4 * (share * (1 - share)) ** 2 * (1 - np.exp(-(2.0**2) / (2 * 1.5**2)))
    assert found.values[0, 0, 0] == pytest.approx(expected, rel=1e-10)
    assert found.measures["width"] == 1.5


@pytest.mark.parametrize("samples", [200, 1600])
def test_independent_regions_tend_to_zero(samples):
    """Mean 1 / (2 N) and deviation below 0.71 / N: nothing beyond six deviations."""
    on, x = lone()
    options = {"samples": samples, "regions": 4, "fill_with": "0", "width": 1.0}
    found = hsic(on, x, target_of(on, 1), **options).values[0]
    others = np.array([found[0, 5], found[5, 0], found[5, 5]])
    assert (others < (0.5 + 6 * 0.71) / samples).all()
    assert (others >= -1e-15).all()
    assert found[0, 0] > 0.1


def test_the_estimator_of_the_authors():
    """Their code: kernel matrices for each region, N once, the median score for a width."""
    on = context_of(nets.exported("resnet").proto, PyTorchOnly)
    x, target, count = nets.exported("resnet").x, target_of(on, TARGET, "probability"), 120
    labels = find_regions(on, x[0], "grid", 9)
    kept = choices(count, 9)
    scores = score_coalitions(on, target, x[0], fill(on, x, "black")[0], labels, kept)
    width, centre = np.median(scores), np.eye(count) - 1 / count
    outputs = np.exp(-(np.subtract.outer(scores, scores) ** 2) / (2 * width**2))
    expected = np.zeros(9)
    for k in range(9):
        inputs = 1 + 0.5 - np.subtract.outer(*[kept[:, k].astype(float)] * 2) ** 2
        expected[k] = (centre @ inputs @ centre * (centre @ outputs @ centre).T).sum() / count
    found = hsic(on, x, target, samples=count, regions=9, width=float(width))
    np.testing.assert_allclose(found.values[0], expected[labels] / count, rtol=1e-8, atol=1e-15)
    usual = hsic(on, x, target, samples=count, regions=9)
    apart = np.abs(np.subtract.outer(scores, scores))[np.triu_indices(count, 1)]
    assert usual.measures["width"] == pytest.approx(np.median(apart))


def test_the_error_covers_what_another_seed_gives():
    """Three of four regions count; what the error of first order leaves out is that of none."""
    weights = np.zeros((108, 2))
    weights[[0, 4, 25], 1] = [2.0, -1.5, 1.0]
    proto = model("f = Flatten(image) scores = MatMul(f, w)", w=weights)
    runs = []
    for seed in range(40):
        on = context_of(proto, PyTorchOnly, seed=seed)
        options = {"samples": 256, "regions": 4, "fill_with": "0", "width": 1.0}
        runs.append(hsic(on, np.ones((1, 3, 6, 6)), target_of(on, 1), **options))
    places = [0, 0, 5], [0, 4, 0]
    spread = np.std([r.values[0][places] for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"][0][places] for r in runs], axis=0)
    np.testing.assert_allclose(claimed / spread, 1, atol=0.35)


def test_a_score_that_no_mask_changes_is_warned_of():
    on, x = lone(0.0)
    found = hsic(on, x, target_of(on, 1), samples=10, regions=4)
    assert not found.values.any()
    assert "the same under every mask" in found.warnings[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0.0}, "must be above 0 and finite"),
        ({"width": float("nan")}, "must be above 0 and finite"),
        ({"samples": 0}, "samples must be 1 or more"),
        ({"regions": 37}, "regions must be 1 to 36"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    on, x = lone()
    with pytest.raises(UsageError, match=words):
        hsic(on, x, target_of(on, 1), **options)
