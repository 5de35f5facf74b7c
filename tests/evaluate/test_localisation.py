"""Localisation measures on cases that can be worked out by hand."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.evaluate.localisation import (
    best_iou,
    energy_in_mask,
    iou_at_area,
    iou_curve,
    mean_iou,
    pointing_game,
    rank_accuracy,
    roc_auc,
    thresholds,
)

MASK = np.zeros((8, 10), bool)
MASK[2:6, 3:8] = True  # 20 of 80 pixels
MEASURES = [
    mean_iou,
    best_iou,
    iou_at_area,
    rank_accuracy,
    energy_in_mask,
    pointing_game,
    roc_auc,
]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_mask_itself_is_perfect(measure):
    assert measure(MASK.astype(float), MASK) == 1.0


@pytest.mark.parametrize("measure", MEASURES)
def test_a_corner_outside_is_worst(measure):
    corner = np.where(MASK, -1.0, 0.0)
    corner[0, 9] = 1.0
    assert measure(corner, MASK) == 0.0


def test_a_constant_map_scores_the_share_of_the_mask():
    flat = np.full(MASK.shape, 3.0)
    np.testing.assert_allclose(iou_curve(flat, MASK), 0.25)
    assert energy_in_mask(flat, MASK) == pytest.approx(0.25)
    assert roc_auc(flat, MASK) == 0.5


@pytest.mark.parametrize("measure", [m for m in MEASURES if m is not roc_auc])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_map_without_positive_evidence_finds_nothing(measure, value):
    assert measure(np.full(MASK.shape, value), MASK) == 0.0


def test_the_curve_of_a_two_level_map():
    heatmap = np.where(MASK, 1.0, 0.0)
    heatmap[0] = 0.5  # ten pixels outside at half height
    at = np.array([0.25, 0.5, 0.51, 1.0])
    np.testing.assert_allclose(iou_curve(heatmap, MASK, at), [20 / 30, 20 / 30, 1.0, 1.0])


def test_twenty_thresholds_without_the_ends():
    found = thresholds()
    assert len(found) == 20
    assert found[0] == pytest.approx(1 / 21)
    assert found[-1] == pytest.approx(20 / 21)
    np.testing.assert_allclose(np.diff(found), 1 / 21)


def test_half_of_the_strongest_pixels_inside():
    heatmap = np.zeros(MASK.shape)
    heatmap[2:4, 3:8] = 2.0  # ten inside
    heatmap[0] = 1.0  # ten outside
    assert rank_accuracy(heatmap, MASK) == 0.5
    assert iou_at_area(heatmap, MASK) == pytest.approx(10 / 30)
    assert energy_in_mask(heatmap, MASK) == pytest.approx(20 / 30)


@pytest.mark.parametrize(("distance", "hit"), [(1, 1.0), (2, 0.0)])
def test_pointing_counts_what_is_within_the_tolerance(distance, hit):
    heatmap = np.zeros(MASK.shape)
    heatmap[2 - distance, 4] = 1.0
    assert pointing_game(heatmap, MASK, tolerance=1.5) == hit


def test_pointing_allows_fifteen_pixels_of_224_by_default():
    mask = np.zeros((224, 224), bool)
    mask[100:120, 100:120] = True
    for row, hit in ((85, 1.0), (84, 0.0)):
        heatmap = np.zeros(mask.shape)
        heatmap[row, 110] = 1.0
        assert pointing_game(heatmap, mask) == hit


def test_pointing_takes_the_mean_of_equal_maxima():
    heatmap = np.zeros(MASK.shape)
    heatmap[3, 0] = heatmap[3, 9] = 1.0  # their mean is inside
    assert pointing_game(heatmap, MASK, tolerance=0.5) == 1.0


def test_area_under_roc_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    heatmap = rng.integers(0, 6, MASK.shape).astype(float)
    inside, outside = heatmap[MASK][:, None], heatmap[~MASK][None]
    pairs = (inside > outside).mean() + 0.5 * (inside == outside).mean()
    assert roc_auc(heatmap, MASK) == pytest.approx(pairs, abs=1e-12)


def test_random_maps_come_out_at_chance():
    rng = np.random.default_rng(1)
    maps = rng.random((300, *MASK.shape))
    mean = {m: np.mean([m(h, MASK) for h in maps]) for m in (energy_in_mask, rank_accuracy)}
    assert mean[energy_in_mask] == pytest.approx(0.25, abs=0.01)
    assert mean[rank_accuracy] == pytest.approx(0.25, abs=0.02)
    assert np.mean([roc_auc(h, MASK) for h in maps]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("heatmap", "mask", "said"),
    [
        (np.ones((4, 4)), MASK, "cannot be compared with a mask of shape"),
        (np.ones(MASK.shape), np.zeros_like(MASK), "the mask is empty"),
        (np.full(MASK.shape, np.nan), MASK, "NaN"),
    ],
)
def test_what_cannot_be_measured_is_refused(heatmap, mask, said):
    with pytest.raises(UsageError, match=said):
        mean_iou(heatmap, mask)
