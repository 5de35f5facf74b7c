"""Styles of maps, and the line around half of the strongest value."""

import numpy as np
import pytest
from scipy import ndimage

from onnxplain.errors import UsageError
from onnxplain.render.colors import ALPHA, blend, mix, painted
from onnxplain.render.look import STYLES, Look, channel_colors, outlined
from onnxplain.render.overlay import drawn, overlay
from onnxplain.render.photo import enlarged
from tests.made_explanations import made

PHOTO = np.full((4, 4, 3), (200, 100, 0), np.uint8)
MAP = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, -0.5]])


def pixel(image, row, column):
    return np.asarray(image)[row * 112 + 56, column * 112 + 56]


def test_styles_differ_in_what_lies_below():
    explanation = made(MAP, pixels=PHOTO, layer="f")
    one, nothing = PHOTO[:1, :1], np.zeros((1, 1))
    expected = {
        "overlay": blend(one, nothing, "signed", ALPHA),
        "photo": mix(one, nothing, "signed", ALPHA),
        "map": painted(nothing, "signed"),
        # A map of a layer has no colours of pixels.
        "grey": blend(one, nothing, "signed", ALPHA),
        "black": blend(one, nothing, "signed", ALPHA),
    }
    assert expected.keys() == STYLES.keys()
    for style, color in expected.items():
        np.testing.assert_array_equal(pixel(overlay(explanation, style=style), 2, 2), color[0, 0])


def test_gradients_are_colours_around_grey_and_on_black():
    channels = np.zeros((3, 4, 4))
    channels[0, 0, 0], channels[2, 3, 3] = 2.0, -1.0
    explanation = made(channels, axes=("C", "H", "W"), pixels=PHOTO)
    grey = drawn(explanation, Look("grey"))
    assert pixel(grey, 0, 0).tolist() == [255, 128, 128]
    assert pixel(grey, 1, 1).tolist() == [128, 128, 128]
    assert pixel(grey, 3, 3)[2] < 128
    black = drawn(explanation, Look("black"))
    assert pixel(black, 0, 0).tolist() == [255, 0, 0]
    assert pixel(black, 1, 1).tolist() == [0, 0, 0]
    assert pixel(black, 3, 3)[2] > 100
    swapped = made(
        channels, axes=("C", "H", "W"), pixels=PHOTO, provenance={"preprocess": {"color": "BGR"}}
    )
    assert pixel(drawn(swapped, Look("black")), 0, 0).tolist() == [0, 0, 255]


def test_other_numbers_of_channels_are_greys():
    values = np.ones((1, 4, 4))
    found = channel_colors(made(values, axes=("C", "H", "W")), "black", 100.0)
    assert (found.pixels == 255).all()
    assert (found.limit, found.clipped) == (1.0, False)


def test_the_line_runs_along_half_of_the_strongest_value():
    values = np.tile(np.abs(np.arange(60) - 30) / -30 + 1, (60, 1))
    pixels = np.full((60, 60, 3), 90, np.uint8)
    found = outlined(pixels, values)
    white = np.flatnonzero((found[30] == 255).all(axis=1))
    inside = np.flatnonzero(values[30] >= 0.5)
    assert white.tolist() == [inside[0] - 2, inside[0] - 1, inside[-1] + 1, inside[-1] + 2]
    assert (found[:, 30] == 90).all()
    np.testing.assert_array_equal(outlined(pixels, 0 * values), pixels)


def test_dots_of_single_pixels_have_no_line():
    channels = np.random.default_rng(0).normal(size=(3, 4, 4))
    dots = made(channels, axes=("C", "H", "W"), pixels=PHOTO)
    np.testing.assert_array_equal(overlay(dots, contour=True), overlay(dots))
    flat = made(MAP, pixels=PHOTO, layer="f")
    assert (np.asarray(overlay(flat, contour=True)) != np.asarray(overlay(flat))).any()


def test_all_styles_have_the_size_of_the_photo():
    for style in STYLES:
        channels = made(np.ones((3, 4, 4)), axes=("C", "H", "W"), pixels=PHOTO)
        assert np.asarray(overlay(channels, style=style)).shape == enlarged(PHOTO).shape


def test_an_unknown_style_is_refused():
    with pytest.raises(UsageError, match="allowed: overlay, photo, map, grey, black"):
        Look("jet")


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (3, 3), (30, 41)])
def test_lines_are_those_of_grown_and_shrunk_areas(rng, size):
    values, pixels = rng.random(size), np.full((*size, 3), 90, np.uint8)
    inside = values >= 0.5 * values.max()
    far, near = (ndimage.binary_dilation(inside, np.ones((n, n))) for n in (9, 5))
    core = ndimage.binary_erosion(inside, np.ones((5, 5)), border_value=1)
    expected = pixels.copy()
    expected[far & ~core] = 0
    expected[near & ~inside] = 255
    np.testing.assert_array_equal(outlined(pixels, values), expected)
