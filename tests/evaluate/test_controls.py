"""Control maps: each is what it says, and none of them knows a model."""

import numpy as np
import pytest

from onnxplain.evaluate.controls import CONTROLS


@pytest.fixture
def pixels():
    image = np.full((30, 40, 3), 100, np.uint8)
    image[10:20, 5:15] = (200, 50, 90)  # colourful, left of the middle
    return image


@pytest.mark.parametrize("name", CONTROLS)
def test_one_value_per_pixel_and_repeatable(name, pixels):
    first, second = (CONTROLS[name](pixels, np.random.default_rng(4)) for _ in range(2))
    assert first.shape == (30, 40)
    np.testing.assert_array_equal(first, second)


def test_where_each_is_strongest(pixels):
    maps = {k: f(pixels, np.random.default_rng(0)) for k, f in CONTROLS.items()}
    assert maps["saturation"][15, 10] == 150
    assert maps["saturation"][0, 0] == 0
    assert maps["edges"][15, 10] == 0
    assert maps["edges"][10, 10] > 0
    assert maps["centre"].max() == maps["centre"][14:16, 19:21].max()
    assert abs(maps["random"].mean() - 0.5) < 0.05


def test_a_grey_picture_has_brightness_for_saturation():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    found = CONTROLS["saturation"](grey, np.random.default_rng(0))
    np.testing.assert_array_equal(found, grey[..., 0])
