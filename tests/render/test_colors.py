"""Two scales for all maps: read by lightness, with any colour vision, on any photo."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from onnxplain.render.colors import ALPHA, PALETTES, blend, grey, mix, painted

# Machado, Oliveira, Fernandes 2009, severity 1.0: matrices for linear red, green and blue.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# A just noticeable difference in CIELAB (Mahy and others 1994).
NOTICED = 2.3


def lab(colors, vision="normal"):
    """CIELAB (D65) of sRGB colours in [0, 1] as one kind of colour vision sees them."""
    colors = np.asarray(colors, np.float64)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.asarray(VISION[vision]).T, 0.0, 1.0)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.transpose(to_xyz) / np.sum(to_xyz, axis=1)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def over(tone, values, display):
    photo = np.full((1, len(values), 3), tone, np.uint8)
    return blend(photo, values[None], display)[0] / 255.0


def test_white_black_and_red_have_their_known_places_in_cielab():
    found = lab([[1, 1, 1], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(found, [[100, 0, 0], [0, 0, 0], [53.2, 80.1, 67.2]], atol=0.3)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("tone", [0, 64, 128, 192, 255])
@pytest.mark.parametrize("name", PALETTES)
def test_lightness_tells_the_strength_on_every_photo_and_for_every_eye(name, tone, vision):
    # Steps of 2 %: between neighbours of the table rounding to bytes decides.
    strength = np.linspace(0, 1, 51)
    for sign in (1, -1) if name == "signed" else (1,):
        lightness = lab(over(tone, sign * strength, name), vision)[:, 0]
        steps = np.diff(lightness) * (-1 if name == "signed" else 1)
        assert steps.min() > -0.5
        assert np.diff(lightness[::5]).min() * np.diff(lightness[::5]).max() > 0
        assert abs(lightness[-1] - lightness[0]) > 10 * NOTICED


@pytest.mark.parametrize("vision", ["normal", "protanopia", "deuteranopia"])
@pytest.mark.parametrize("tone", [0, 128, 255])
def test_for_and_against_are_never_confused(tone, vision):
    for strength, differences in ((0.25, 4), (0.5, 6), (1.0, 10)):
        ends = lab(over(tone, np.array([-strength, strength]), "signed"), vision)
        assert np.linalg.norm(ends[0] - ends[1]) > differences * NOTICED


def test_for_is_red_and_against_blue_and_neither_is_stronger():
    against, mid, for_ = PALETTES["signed"].colors(np.array([-1.0, 0.0, 1.0]))
    assert against[2] > 2 * against[0]
    assert for_[0] > 2 * for_[2]
    assert np.ptp(mid) == 0
    assert abs(lab(against)[0] - lab(for_)[0]) < 5


def test_the_scales_are_those_that_they_are_said_to_be():
    inferno = colormaps["inferno"](np.arange(256))[:, :3]
    np.testing.assert_allclose(PALETTES["positive"].table, inferno, atol=0.03)
    published = colormaps["RdBu_r"](np.linspace(0.1, 0.9, 255))[:, :3]
    np.testing.assert_allclose(PALETTES["signed"].table, published, atol=0.03)
    assert PALETTES["magnitude"].table is PALETTES["positive"].table


def test_values_beyond_the_range_have_its_ends():
    for palette in PALETTES.values():
        found = palette.colors(np.array([-5.0, palette.lowest, 1.0, 5.0]))
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[2], found[3])


@pytest.mark.parametrize("name", PALETTES)
def test_the_bar_has_the_colours_of_the_map_over_a_photo_of_that_tone(name):
    palette = PALETTES[name]
    values = np.linspace(palette.lowest, 1, len(palette.table))
    for tone in (0, 90, 255):
        photo = np.full((1, len(values), 3), tone, np.uint8)
        bar = palette.bar(tone, ALPHA)
        np.testing.assert_array_equal(bar, blend(photo, values[None], name))
    np.testing.assert_array_equal(palette.bar(), painted(values[None], name))


def test_grey_is_pillows():
    photo = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(grey(photo), Image.fromarray(photo).convert("L").convert("RGB"))
    one = photo[..., :1]
    np.testing.assert_array_equal(grey(one), np.repeat(one, 3, axis=2))


def test_only_a_mix_keeps_the_colours_of_the_photo():
    photo = np.array([[[200, 10, 10], [10, 10, 200]]], np.uint8)
    nothing = np.zeros((1, 2))
    assert np.ptp(blend(photo, nothing, "signed").astype(int), axis=2).max() <= 1
    assert np.ptp(mix(photo, nothing, "signed").astype(int), axis=2).min() > 50
    np.testing.assert_array_equal(mix(photo, nothing, "signed", 0.0), photo)


@pytest.mark.parametrize("name", PALETTES)
def test_mixtures_are_those_reckoned_for_each_pixel(rng, name):
    photo = rng.integers(0, 256, (70, 50, 3), np.uint8)
    values = rng.uniform(-1.2, 1.2, (70, 50))
    for alpha in (0.0, 0.37, ALPHA, 1.0):
        expected = np.round(photo * (1 - alpha) + PALETTES[name].colors(values) * 255.0 * alpha)
        np.testing.assert_array_equal(mix(photo, values, name, alpha), expected)
