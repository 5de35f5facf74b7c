"""Overlays, pixel by pixel."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.render.colors import PALETTES, opacity
from onnxplain.render.overlay import overlay, shown_map
from onnxplain.render.photo import enlarged
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


def test_zero_attribution_leaves_the_picture_unchanged():
    photo = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    explanation = made(np.zeros((70, 90)), pixels=photo)
    np.testing.assert_array_equal(np.asarray(overlay(explanation)), enlarged(photo))


def test_a_pale_picture_is_light_and_grey_and_keeps_its_order():
    photo = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    image = np.asarray(overlay(made(np.zeros((70, 90)), pixels=photo), pale=True)).astype(int)
    assert (image == image[..., :1]).all()
    assert image.min() >= 127
    luminance = enlarged(photo).astype(int) @ [299, 587, 114]
    order = np.argsort(luminance, axis=None)
    assert (np.diff(image[..., 0].reshape(-1)[order]) >= -1).all()


def test_one_positive_pixel_is_red_in_its_place_and_nowhere_else():
    image = np.asarray(overlay(single(3.0)))
    changed = (image != 100).any(axis=2)
    expected = np.zeros((448, 448), bool)
    expected[1 * BLOCK : 2 * BLOCK, 2 * BLOCK : 3 * BLOCK] = True
    np.testing.assert_array_equal(changed, expected)
    red, green, blue = at(image, 1, 2)
    assert red > 120
    assert red > 2 * green
    assert red > 2 * blue


def test_one_negative_pixel_is_blue():
    red, _, blue = at(overlay(single(-3.0)), 1, 2)
    assert blue > 2 * red


def test_colour_is_the_blend_of_picture_and_palette():
    half = made([[1.0, 0.5], [0.0, -1.0]], pixels=np.full((2, 2, 1), 40, np.uint8))
    top = shown_map(half, (2, 2)).limit
    image = np.asarray(overlay(half, alpha=0.3))
    values = np.clip(np.array([1.0, 0.5, 0.0, -1.0]) / top, -1, 1)
    colors = PALETTES["signed"].colors(values) * 255
    cover = opacity(values, 0.3)[:, None]
    expected = np.round(40 * (1 - cover) + colors * cover).astype(int)
    found = image[112::224, 112::224].reshape(4, 3)
    np.testing.assert_array_equal(found, expected)


def test_opacity_is_nothing_at_zero_and_alpha_at_half():
    np.testing.assert_allclose(opacity(np.array([0, 0.5, -0.5]), 0.3), [0, 0.3, 0.3])
    assert opacity(np.array([1.0]), 0.3) == pytest.approx(1 - 0.7**2)


def test_stronger_is_never_more_transparent():
    values = np.linspace(0, 1, 101)
    assert (np.diff(opacity(values, 0.5)) > 0).all()


def test_positive_display_hides_what_speaks_against():
    explanation = made([[-5.0, 0.0], [0.0, 1.0]], pixels=GREY, display="positive", layer="f")
    image = np.asarray(overlay(explanation))
    np.testing.assert_array_equal(image[:112, :112], 100)
    assert (image[-112:, -112:] != 100).all(axis=2).any()


def test_magnitude_display_shows_both_signs_alike():
    plus = overlay(made([[2.0, 1.0]] * 2, pixels=GREY[:2, :2], display="magnitude"))
    minus = overlay(made([[-2.0, 1.0]] * 2, pixels=GREY[:2, :2], display="magnitude"))
    np.testing.assert_array_equal(np.asarray(plus), np.asarray(minus))


def test_channels_are_summed_before_colouring():
    cancelling = np.stack([np.eye(4), -np.eye(4)])
    image = overlay(made(cancelling, axes=("C", "H", "W"), pixels=GREY))
    np.testing.assert_array_equal(np.asarray(image), 100)


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


def test_for_and_against_are_told_apart_by_lightness_of_red_and_blue():
    strong = PALETTES["signed"].colors(np.array([1.0, -1.0]))
    weak = PALETTES["signed"].colors(np.array([1e-9, -1e-9]))
    for pair in (strong, weak):
        # Confusing red with green must not confuse the two: they differ in blue.
        assert pair[0][0] > pair[0][2]
        assert pair[1][2] > pair[1][0]
