"""RISE against its formula on the same masks, against its expectation, and its own error."""

import functools

import nets
import numpy as np
import pytest
from handmade import context_of, model, target_of
from originals import difference

from onnxplain.errors import UsageError
from onnxplain.methods import find
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.masks import RiseMasks

TARGET = 3


@functools.cache
def context(batch_size=None, seed=0):
    return context_of(nets.exported("resnet").proto, batch_size=batch_size, seed=seed)


def image():
    return nets.exported("resnet").x.astype("float32")


def run(on=None, kind="probability", **options):
    on = on or context()
    return find("rise").function(on, image(), target_of(on, TARGET, kind), **options)


def test_the_formula_of_the_paper_on_the_same_masks():
    found = run(samples=100, cells=5, share=0.4, fill_with="0")
    made = RiseMasks((32, 32), 5, 0.4)
    masks = made.masks(Blocks(0, made.draw).rows(slice(0, 100))).astype(np.float64)
    on, x = context(), image()[0]
    scores = np.concatenate(
        [on.score((x * m).astype("f4")[None], target_of(on, TARGET, "probability")) for m in masks]
    )
    assert np.ptp(scores) > 1e-2
    paper = (scores[:, None, None] * masks).sum(0) / (100 * 0.4)
    assert difference(found.maps["score_when_kept"][0], paper) < 1e-5
    level = scores.mean() * masks.mean(0) / 0.4
    assert difference(found.values[0], paper - level) < 1e-4
    assert difference(found.values[0], paper) > 0.1


def test_a_linear_model_gives_the_covariance_of_the_masks():
    """S is linear in the mask, so the expected map is a covariance matrix times weights."""
    weight = np.random.default_rng(0).normal(size=(108, 4))
    on = context_of(model("f = Flatten(image) scores = MatMul(f, w)", w=weight))
    x = np.random.default_rng(1).uniform(-1, 1, (1, 3, 6, 6))
    found = find("rise").function(
        on, x, target_of(on, 2), samples=6000, cells=3, share=0.3, fill_with="0.2"
    )
    made = RiseMasks((6, 6), 3, 0.3)
    masks = made.masks(made.draw(np.random.default_rng(99), 100_000)).reshape(-1, 36)
    slopes = ((x[0] - 0.2) * weight[:, 2].reshape(3, 6, 6)).sum(0).ravel()
    expected = (np.cov(masks.T.astype(np.float64)) @ slopes / 0.3).reshape(6, 6)
    deviations = (found.values[0] - expected) / found.maps["standard_error"][0]
    assert np.abs(deviations).max() < 5
    assert difference(found.values[0], expected) < 0.1
    assert difference(-found.values[0], expected) > 1


def test_the_standard_error_is_the_spread_over_seeds():
    runs = [run(context(seed=s), samples=64, cells=4) for s in range(30)]
    spread = np.std([r.values[0] for r in runs], axis=0, ddof=1)
    claimed = np.mean([r.maps["standard_error"][0] for r in runs], axis=0)
    assert np.median(claimed / spread) == pytest.approx(1, abs=0.1)
    assert 0.5 < (claimed / spread).min() < (claimed / spread).max() < 1.8


@pytest.mark.parametrize("batch_size", [1, 7, 200])
def test_the_batch_size_changes_nothing(batch_size):
    one, other = run(samples=150), run(context(batch_size), samples=150)
    assert difference(other.values, one.values) < 1e-4
    assert difference(other.maps["standard_error"], one.maps["standard_error"]) < 1e-4
    settled = [run(on, tolerance=0.15) for on in (context(), context(batch_size))]
    assert settled[0].measures["samples"] == settled[1].measures["samples"] < 4000


def test_another_seed_is_another_draw_of_the_same_map():
    one, other = run(samples=600), run(context(seed=1), samples=600)
    assert difference(other.values, one.values) > 1e-3
    noise = np.hypot(one.maps["standard_error"], other.maps["standard_error"])
    assert np.abs((one.values - other.values) / noise).max() < 5


def test_more_masks_have_less_error():
    few, many = (run(samples=n).maps["standard_error"].mean() for n in (200, 3200))
    assert many == pytest.approx(few / 4, rel=0.1)


def test_time_and_tolerance_end_it_and_the_count_repeats_it():
    found = run(max_seconds=0.05, samples=10**6)
    assert found.notes["sampling_ended"] == ["time"]
    count = int(found.measures["samples"][0])
    assert 32 <= count < 10**6
    again = run(samples=count)
    assert again.notes["sampling_ended"] == ["all samples"]
    np.testing.assert_allclose(again.values, found.values, rtol=1e-6, atol=1e-9)
    settled = run(tolerance=0.1)
    assert settled.notes["sampling_ended"] == ["settled"]
    assert settled.measures["relative_error"][0] <= 0.1


def test_one_mask_has_no_known_error():
    found = run(samples=1)
    assert np.isnan(found.maps["standard_error"]).all()
    assert not found.values.any()


@pytest.mark.parametrize("options", [{"share": 0.0}, {"share": 1.0}, {"cells": 0}, {"cells": 33}])
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match="rise: share"):
        run(**options)
