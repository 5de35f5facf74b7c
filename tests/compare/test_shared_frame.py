"""Maps of models that see different parts of a photo, at the same places."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.compare.shared_frame import on_photo, shared_region
from onnxplain.explanations.display import upsample
from onnxplain.inputs.preprocess import Preprocess


def recipe(size=(20, 20), **changes):
    return Preprocess(**({"name": "p", "layout": "NCHW", "size": size} | changes))


@pytest.mark.parametrize(
    ("changes", "region"),
    [
        ({"resize": "stretch"}, (0, 0, 100, 60)),
        ({"resize": "crop"}, (20, 0, 80, 60)),
        ({"resize": "crop", "crop_fraction": 0.5}, (35, 15, 65, 45)),
        ({"resize": "pad"}, (0, -20, 100, 80)),
        ({"resize": "pad", "size": (60, 200)}, (-50, 0, 150, 60)),
    ],
)
def test_what_a_model_sees_of_a_photo(changes, region):
    assert recipe(**changes).region(100, 60) == pytest.approx(region)


def test_the_shared_region_is_what_all_see_of_the_photo_itself():
    kinds = [recipe(resize="pad"), recipe(resize="crop", crop_fraction=0.5), recipe()]
    assert shared_region(kinds, (100, 60)) == pytest.approx((35, 15, 65, 45))
    assert shared_region(kinds[:1], (100, 60)) == (0, 0, 100, 60)


def test_the_whole_region_at_the_maps_own_size_is_the_map():
    heatmap = np.random.default_rng(0).random((20, 20))
    made = recipe(resize="crop", crop_fraction=0.8)
    found = on_photo(heatmap, made, (50, 40), made.region(50, 40), (20, 20))
    np.testing.assert_allclose(found, heatmap, atol=1e-12)


def test_a_finer_grid_is_the_usual_upsampling():
    heatmap = np.random.default_rng(0).random((5, 7))
    made = recipe((5, 7), resize="stretch")
    found = on_photo(heatmap, made, (70, 50), (0, 0, 70, 50), (50, 70))
    np.testing.assert_allclose(found, upsample(heatmap, (50, 70)), atol=1e-12)


def test_models_that_see_the_photo_differently_agree_about_its_places():
    across, down = np.meshgrid(np.arange(200), np.arange(120))
    photo = Image.fromarray((across * 0.7 + down * 0.9).astype(np.uint8))
    recipes = [
        recipe((60, 60), color="gray", mean=(0.0,), std=(1.0,), **changes)
        for changes in (
            {"resize": "stretch"},
            {"resize": "crop"},
            {"resize": "pad"},
            {"resize": "crop", "crop_fraction": 0.875},
        )
    ]
    region = shared_region(recipes, photo.size)
    seen = [on_photo(r.seen(photo)[..., 0], r, photo.size, region, (30, 30)) for r in recipes]
    inner = slice(2, -2)  # at the border of a cut the filters see different pixels
    for other in seen[1:]:
        assert np.abs(other - seen[0])[inner, inner].max() < 3.0  # of a range of 150
    wrong = on_photo(recipes[1].seen(photo)[..., 0], recipes[0], photo.size, region, (30, 30))
    assert np.abs(wrong - seen[0]).max() > 10.0
