"""Every measure has a map that must come out at chance, and it does.

The other direction, that a good map is far from chance, is in the tests of the measures.
"""

from pathlib import Path

import numpy as np
import pytest

import onnxplain
from onnxplain.evaluate import localisation
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.run import evaluate
from onnxplain.evaluate.settings import Settings
from onnxplain.evaluate.strong_features import strongest
from onnxplain.inputs.dataset import Sample

# Measures of a map and a mask, with what independent numbers reach on a mask of 20 of 80
# pixels; means over the thresholds by enumeration below.
BLACK = Settings(inserted="black")  # a digit is still readable when it is blurred
MASK = np.zeros((8, 10), bool)
MASK[2:6, 3:8] = True


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(8).random((600, *MASK.shape))


@pytest.fixture(scope="module")
def controls():
    """Random maps of all digits by the measures that need no method."""
    model = onnxplain.load("models/digits-gap.onnx")
    samples = [
        Sample(p.name, p, p.stem[0], boxes=((2.0, 0.0, 6.0, 8.0),))
        for p in sorted(Path("examples/digits").glob("*.png"))
    ]
    names = [n for n, m in MEASURES.items() if m.needs not in ("method", "attribution")]
    found = evaluate(model, samples, Plan({"gradient-x-input": {}}, tuple(names), settings=BLACK))
    return {(entry.method, entry.measure): entry for entry in found.summary()}


def expected_iou(at):
    """Overlap of a mask with pixels kept at random: kept inside over mask plus kept outside."""
    kept = 1 - at
    return kept * MASK.sum() / (MASK.sum() + kept * (~MASK).sum())


def test_overlap_with_pixels_kept_at_random(maps):
    chance = expected_iou(localisation.thresholds())
    found = np.mean([localisation.iou_curve(m, MASK) for m in maps], axis=0)
    np.testing.assert_allclose(found, chance, atol=0.01)
    best = np.mean([localisation.best_iou(m, MASK) for m in maps])
    assert chance.max() < best < chance.max() + 0.05  # the best of twenty is a little above


def test_overlap_at_the_masks_area(maps):
    found = np.mean([localisation.iou_at_area(m, MASK) for m in maps])
    assert found == pytest.approx(0.25 / (2 - 0.25), abs=0.012)


def test_pointing_hits_as_often_as_the_mask_is_large(maps):
    found = np.mean([localisation.pointing_game(m, MASK, tolerance=0) for m in maps])
    assert found == pytest.approx(0.25, abs=0.055)  # three standard errors


@pytest.mark.parametrize("count", [1, 8, 20])
def test_top_share(maps, count):
    found = np.mean([localisation.top_share(m, MASK, count) for m in maps])
    assert found == pytest.approx(0.25, abs=0.055)


def test_strongest_pixels_of_a_random_map_are_anywhere(maps):
    kept = np.mean([strongest(m, 0.2) for m in maps], axis=0)
    np.testing.assert_allclose(kept, 0.2, atol=0.07)


@pytest.mark.parametrize("name", ["energy-in-mask", "rank-accuracy"])
def test_on_a_data_set_half_of_the_mask_is_found_where_it_is_half_of_the_picture(controls, name):
    assert controls["random", name].mean == pytest.approx(0.5, abs=0.06)


def test_random_ranks_say_nothing_of_the_mask(controls):
    assert controls["random", "roc-auc"].mean == pytest.approx(0.5, abs=0.07)


def test_random_maps_predict_no_effect(controls):
    assert abs(controls["random", "sensitivity-n"].mean) < 0.1
    assert controls["gradient-x-input", "sensitivity-n"].low > 0.1


def test_random_maps_tell_no_more_of_squares_than_their_area(controls):
    assert controls["random", "infidelity"].mean == pytest.approx(1.0, abs=0.15)


def test_deletion_and_insertion_of_a_random_order_lie_between(controls):
    deleted, inserted = (
        {m: controls[m, name].mean for m in ("random", "gradient-x-input")}
        for name in ("deletion", "insertion")
    )
    assert deleted["gradient-x-input"] < deleted["random"] - 0.1
    assert inserted["gradient-x-input"] > inserted["random"] + 0.1


def test_random_maps_do_not_rank_single_patches(controls):
    assert abs(controls["random", "single-deletion"].mean) < 0.1
    assert controls["gradient-x-input", "single-deletion"].low > 0.2


def test_a_random_order_of_imputing_has_no_strong_end(controls):
    first, last = (controls["random", name].mean for name in ("road", "road-least-first"))
    assert first == pytest.approx(last, abs=0.1)
    # Scattered pixels are restored from their neighbours, so this control does badly.
    assert controls["gradient-x-input", "road"].mean < first - 0.1


def test_random_strong_pixels_neither_suffice_nor_are_missed(controls):
    whole, only, without = (
        controls["random", name].mean
        for name in ("accuracy", "accuracy-strong-only", "accuracy-without-strong")
    )
    assert only < without <= whole  # a fifth at random tells less than the other four
    own = controls["gradient-x-input", "accuracy-without-strong"].mean
    assert own < without - 0.3


def test_a_map_that_is_drawn_anew_each_time_is_not_robust(controls):
    assert abs(controls["random", "shift-consistency"].mean) < 0.1
    assert abs(controls["random", "jpeg-consistency"].mean) < 0.15
    # Two independent uniform maps differ by sqrt(1/6) in each pixel; one has sqrt(1/3).
    expected = np.sqrt((1 / 6) / (1 / 3))
    assert controls["random", "max-sensitivity"].mean == pytest.approx(expected, rel=0.15)


def test_no_measure_is_forgotten():
    here = Path(__file__).parent
    said = "".join(p.read_text("utf-8") for p in here.glob("test_*.py"))
    elsewhere = {  # what these are called where their controls are tested
        "imputed-regions": "imputed_regions",
        "mean-iou": "expected_iou",
        "best-iou": "best_iou",
        "iou-at-area": "iou_at_area",
        "pointing-game": "pointing_game",
        "grid-pointing": "test_chance_is_a_quarter",
        "completeness": "test_completeness_of_a_random_map",
        "randomisation": "test_a_map_that_never_asks_survives_any_randomisation",
        "randomisation-ssim": "test_a_map_that_never_asks_survives_any_randomisation",
        "other-class": "unless_the_method_never_asks",
    }
    for name in MEASURES:
        assert elsewhere.get(name, f'"{name}"') in said
