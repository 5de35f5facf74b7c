"""Overlays, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from onnxplain.errors import UsageError
from onnxplain.render.colors import PALETTES, blend, mix
from onnxplain.render.overlay import overlay, shown_map
from tests.made_explanations import made

GREY = np.full((4, 4, 3), 100, np.uint8)
BLOCK = 112  # 448 / 4


def at(image, row, column):
    """Colour in the middle of one pixel of the model's view."""
    return np.asarray(image)[row * BLOCK + BLOCK // 2, column * BLOCK + BLOCK // 2].astype(int)


def single(value, row=1, column=2):
    attribution = np.zeros((4, 4))
    attribution[row, column] = value
    return made(attribution, pixels=GREY)


@pytest.mark.parametrize("display", PALETTES)
def test_zero_attribution_leaves_the_grey_picture_under_the_colour_of_zero(display):
    photo = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    image = np.asarray(overlay(made(np.zeros((70, 90)), pixels=photo, display=display)))
    plain = Image.fromarray(photo).convert("L").resize((630, 490), Image.Resampling.BICUBIC)
    tones = np.asarray(plain)[..., None]
    np.testing.assert_array_equal(image, blend(tones, np.zeros((490, 630)), display))
    by_channel = mix(np.repeat(tones, 3, axis=2), np.zeros((490, 630)), display)
    np.testing.assert_array_equal(image, by_channel)
    order = np.argsort(tones, axis=None)
    assert (np.diff(image[..., 0].reshape(-1)[order].astype(int)) >= -1).all()


def test_one_positive_pixel_is_red_in_its_place_and_nowhere_else():
    image = np.asarray(overlay(single(3.0))).astype(int)
    changed = np.ptp(image, axis=2) > 1
    expected = np.zeros((448, 448), bool)
    expected[1 * BLOCK : 2 * BLOCK, 2 * BLOCK : 3 * BLOCK] = True
    np.testing.assert_array_equal(changed, expected)
    red, green, blue = at(image, 1, 2)
    assert red > 120
    assert red > 1.8 * green
    assert red > 1.8 * blue


def test_one_negative_pixel_is_blue():
    red, _, blue = at(overlay(single(-3.0)), 1, 2)
    assert blue > 1.8 * red


def test_colour_is_the_blend_of_picture_and_palette():
    half = made([[1.0, 0.5], [0.0, -1.0]], pixels=np.full((2, 2, 1), 40, np.uint8))
    top = shown_map(half, (2, 2)).limit
    image = np.asarray(overlay(half, alpha=0.3))
    values = np.clip(np.array([1.0, 0.5, 0.0, -1.0]) / top, -1, 1)
    colors = PALETTES["signed"].colors(values) * 255
    expected = np.round(40 * 0.7 + colors * 0.3).astype(int)
    found = image[112::224, 112::224].reshape(4, 3)
    np.testing.assert_array_equal(found, expected)


def test_positive_display_hides_what_speaks_against():
    explanation = made([[-5.0, 0.0], [0.0, 1.0]], pixels=GREY, display="positive", layer="f")
    image = np.asarray(overlay(explanation))
    assert (image[:112, :112] == blend(GREY, np.zeros((4, 4)), "positive")[0, 0]).all()
    assert (image[-1, -1] == blend(GREY, np.ones((4, 4)), "positive")[0, 0]).all()


def test_magnitude_display_shows_both_signs_alike():
    plus = overlay(made([[2.0, 1.0]] * 2, pixels=GREY[:2, :2], display="magnitude"))
    minus = overlay(made([[-2.0, 1.0]] * 2, pixels=GREY[:2, :2], display="magnitude"))
    np.testing.assert_array_equal(np.asarray(plus), np.asarray(minus))


def test_channels_are_summed_before_colouring():
    cancelling = np.stack([np.eye(4), -np.eye(4)])
    image = overlay(made(cancelling, axes=("C", "H", "W"), pixels=GREY))
    assert (np.asarray(image) == blend(GREY, np.zeros((4, 4)), "signed")[0, 0]).all()


def test_one_outlier_does_not_hide_the_rest():
    values = np.ones((100, 100))
    values[0, 0] = 1000.0
    shown = shown_map(made(values, pixels=np.zeros((100, 100, 3), np.uint8)), (100, 100))
    assert shown.clipped
    assert shown.limit == pytest.approx(1.0)
    assert shown.values.min() == pytest.approx(1.0)


def test_layer_maps_end_at_their_maximum():
    values = np.ones((10, 20))
    values[0, 0] = 1000.0
    shown = shown_map(made(values, pixels=np.zeros((100, 200, 3), np.uint8), layer="f"), (10, 20))
    assert not shown.clipped
    assert shown.limit == pytest.approx(1000.0)


def test_a_single_pixel_is_no_outlier():
    values = np.zeros((100, 100))
    values[3, 4] = 7.0
    shown = shown_map(made(values, pixels=np.zeros((100, 100, 3), np.uint8)), (100, 100))
    assert shown.values[3, 4] == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(UsageError, match="allowed: 0 to 1"):
        overlay(single(1.0), alpha=alpha)
