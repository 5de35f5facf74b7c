"""Colours of maps: red for, blue against, and nothing covered where nothing is."""

import numpy as np
import pytest

from onnxplain.render.colors import PALETTES, opacity


def test_signed_maps_are_red_and_blue_and_even_handed():
    colors = PALETTES["signed"].colors(np.array([-1.0, 1.0]))
    (red, _, blue), (red_for, _, blue_for) = colors
    assert blue > red
    assert red_for > blue_for


def test_values_beyond_the_range_have_its_ends():
    palette = PALETTES["positive"]
    found = palette.colors(np.array([-5.0, 0.0, 1.0, 5.0]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])


@pytest.mark.parametrize("name", list(PALETTES))
def test_stronger_is_brighter_or_more_red(name):
    colors = PALETTES[name].colors(np.linspace(0, 1, 20))
    luminance = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < 0).all() if name == "signed" else (np.diff(luminance) > 0).all()


def test_nothing_covers_nothing():
    found = opacity(np.array([0.0, 0.5, -0.5, 1.0]), 0.6)
    np.testing.assert_allclose(found, [0.0, 0.6, 0.6, 1 - 0.4**2])


def test_the_bar_has_the_colours_of_the_map():
    palette = PALETTES["signed"]
    first, *_, last = palette.bar(0.6)
    np.testing.assert_allclose(last, 0.4**2 + (1 - 0.4**2) * palette.colors(np.array(1.0)))
    np.testing.assert_allclose(first, 0.4**2 + (1 - 0.4**2) * palette.colors(np.array(-1.0)))


def test_the_middle_of_a_signed_bar_is_blank():
    bar = PALETTES["signed"].bar(0.6)
    np.testing.assert_array_equal(bar[len(bar) // 2], 1.0)
