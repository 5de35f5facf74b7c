"""What measures ask of a case: on a linear model every answer is known."""

import io
from dataclasses import replace

import numpy as np
import pytest
from evaluate.linear import CLASSES, SIDE, WEIGHTS, case, evidence, picture, probabilities
from PIL import Image
from scipy.stats import spearmanr

from onnxplain.evaluate import case_measures as asks
from onnxplain.evaluate.sanity import SanityCheck
from onnxplain.evaluate.settings import Settings

MASK = np.zeros((SIDE, SIDE), bool)
MASK[1:4, 2:7] = True


def rank_correlation(one, other):
    return spearmanr(one, other, axis=None).statistic


def test_a_function_of_a_map_and_a_mask_gets_both():
    made = case(mask=MASK)
    heatmap, mask = asks.located(lambda *given: given)(made)
    assert heatmap is made.heatmap
    assert mask is MASK


def test_overlap_is_counted_at_twenty_cuts():
    heatmap = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    curve = asks.overlap(case(mask=MASK, heatmap=heatmap))
    cuts = np.arange(1, 21) / 21
    np.testing.assert_allclose(curve.shares, cuts, rtol=1e-14)
    for cut, found in zip(cuts, curve.scores, strict=True):
        kept = np.maximum(heatmap, 0) / heatmap.max() >= cut
        assert found == (kept & MASK).sum() / (kept | MASK).sum()
    assert curve.value == pytest.approx(curve.scores.mean(), rel=1e-14)


@pytest.mark.parametrize("step", [None, 5])
@pytest.mark.parametrize(("measure", "fills"), [(asks.deletion, "1"), (asks.insertion, "0.25")])
def test_pixels_go_or_come_in_the_order_of_the_map(measure, fills, step):
    settings = Settings(step=step, deleted="1", inserted="0.25")
    made = case(2, "probability", settings=settings)
    curve = measure(made)
    order = np.argsort(-made.heatmap, axis=None, kind="stable")
    counts = [*range(0, SIDE * SIDE, step or SIDE), SIDE * SIDE]
    np.testing.assert_allclose(curve.shares, np.array(counts) / SIDE**2)
    absent = np.full_like(made.picture.x, float(fills))
    start, end = made.picture.x, absent
    if measure is asks.insertion:
        start, end = end, start
    for count, found in zip(counts, curve.scores, strict=True):
        mixed = start.copy().reshape(1, 3, -1)
        mixed[..., order[:count]] = end.reshape(1, 3, -1)[..., order[:count]]
        assert found == pytest.approx(probabilities(mixed)[0, 2], rel=1e-12)


@pytest.mark.parametrize("index", range(CLASSES))
def test_exact_evidence_predicts_what_black_pixels_and_squares_do(index):
    made = case(index)
    assert asks.n_pixels(made) == pytest.approx(1, abs=1e-9)
    assert asks.squares(made) == pytest.approx(0, abs=1e-9)
    opposite = replace(made, heatmap=-made.heatmap)
    assert asks.n_pixels(opposite) == pytest.approx(-1, abs=1e-9)


def test_evidence_of_another_class_does_not():
    seen = picture()
    wrong = replace(case(0), heatmap=evidence(1, seen))
    assert abs(asks.n_pixels(wrong)) < 0.8
    assert asks.squares(wrong) > 0.3
    # A map that is the same everywhere knows the area of the squares.
    flat = replace(case(0), heatmap=np.ones((SIDE, SIDE)))
    assert asks.squares(flat) == pytest.approx(1)
    assert asks.n_pixels(flat) == 0


def test_what_is_removed_is_what_the_settings_say():
    """Evidence against a black picture says little of what happens against a white one."""
    white = replace(case(0), settings=Settings(deleted="white"))
    assert asks.n_pixels(white) < 0.9
    assert asks.squares(white) > 0.1
    seen = picture()
    against = (WEIGHTS[:, 0].reshape(3, SIDE, SIDE) * (seen.x[0] - 1.0)).sum(axis=0)
    assert asks.n_pixels(replace(white, heatmap=against)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("method", "exact"), [("gradient-x-input", True), ("gradient", False)])
def test_the_gap_of_a_sum_to_the_change_of_the_score(method, exact):
    made = case()
    found = made.model.explain(made.picture, method, made.target)
    gap = asks.completeness(replace(made, explanation=found, method=method))
    change = evidence(1, made.picture).sum()
    total = change if exact else WEIGHTS[:, 1].sum()
    assert gap == pytest.approx(abs(total - change) / abs(change), abs=1e-9)
    assert (gap < 1e-9) == exact


def test_noise_is_a_fiftieth_of_the_range_and_seen_in_the_pixels():
    given = []

    def remap(other):
        given.append(other)
        return other.x[0].sum(axis=0)

    made = case(remap=remap)
    found = asks.noise(made)
    first, *noisy = (other.x.astype(np.float64) for other in given)
    np.testing.assert_array_equal(first, made.picture.x)
    moved = [np.abs(x - first).max() for x in noisy]
    assert 0.019 < max(moved) <= 0.02 + 1e-6
    changes = [np.linalg.norm((x - first)[0].sum(0)) for x in noisy]
    assert found == pytest.approx(max(changes) / np.linalg.norm(first[0].sum(0)), rel=1e-4)
    for other in given:
        shown = np.moveaxis(other.x[0], 0, -1) * 255
        assert np.abs(shown.clip(0, 255) - other.pixels).max() <= 1


def test_a_map_that_follows_the_picture_agrees_with_its_shifted_self():
    assert asks.shifted(case(remap=lambda other: other.x[0].sum(axis=0))) == pytest.approx(1)


def test_a_map_that_stays_does_not():
    fixed = np.random.default_rng(1).normal(size=(SIDE, SIDE))
    pairs = [(fixed[4:], fixed[:4]), (fixed[:, 4:], fixed[:, :4])]
    # Up and down, left and right: each pair is compared twice.
    wanted = np.mean([rank_correlation(one, other) for one, other in pairs])
    assert asks.shifted(case(remap=lambda other: fixed)) == pytest.approx(wanted)


def test_a_compressed_picture_is_a_jpeg_of_quality_75():
    made = case(remap=lambda other: other.pixels.astype(float).sum(axis=2))
    file = io.BytesIO()
    Image.fromarray(made.picture.pixels).save(file, "JPEG", quality=75)
    back = np.asarray(Image.open(file)).astype(float).sum(axis=2)
    wanted = rank_correlation(made.picture.pixels.astype(float).sum(axis=2), back)
    assert wanted < 0.999
    assert asks.compressed(made) == pytest.approx(wanted)


@pytest.mark.parametrize(("order", "ranks", "structures"), [
    ("cascading", 0.2, 0.4), ("independent", 0.7, 0.5)
])  # fmt: skip
def test_a_cascade_is_judged_by_its_first_stage_and_single_layers_by_the_worst(
    order, ranks, structures
):
    shares, spearman = np.array([0.5, 1.0]), np.array([0.2, 0.7])
    ssim = np.array([0.4, 0.5])
    made = case()
    made.__dict__["sanity"] = SanityCheck("m", order, ("a", "b"), shares, spearman, ssim)
    by_rank, by_structure = asks.randomised(made), asks.randomised_ssim(made)
    assert (by_rank.value, by_structure.value) == (ranks, structures)
    np.testing.assert_array_equal(by_rank.scores, spearman)
    np.testing.assert_array_equal(by_structure.scores, ssim)
    assert by_rank.shares is by_structure.shares is shares


@pytest.mark.parametrize(("seed", "other"), [(0, 3), (1, 2), (11, 0)])
def test_another_class_is_drawn_and_its_map_compared(seed, other):
    """Each of the three others comes up; the maps of a linear model are its weights."""
    made = replace(case(), method="gradient", parameters={}, seed=seed)
    maps = WEIGHTS.reshape(3, SIDE, SIDE, CLASSES).sum(axis=0)
    wanted = rank_correlation(maps[..., 1], maps[..., other])
    assert asks.other_class(made) == pytest.approx(wanted, rel=1e-9)
