"""Colours of classes: told apart by hue, brightness left for the response."""

import numpy as np
from matplotlib.colors import rgb_to_hsv

from onnxplain.render.class_colors import LIMIT, class_colors, colored


def test_all_are_different_and_fully_bright():
    colors = class_colors(LIMIT)
    assert len({tuple(c) for c in colors.round(6)}) == LIMIT
    np.testing.assert_allclose(rgb_to_hsv(colors)[:, 2], 1.0)
    np.testing.assert_array_equal(class_colors(LIMIT + 1)[LIMIT], colors[0])


def test_a_few_keep_their_distance():
    hues = np.sort(rgb_to_hsv(class_colors(5))[:, 0])
    assert np.diff(hues).min() > 0.1


def test_strength_is_brightness_alone():
    colors = class_colors(3)
    winner, strength = np.array([[0, 1, 2]]), np.array([[1.0, 0.5, 2.0]])
    found = rgb_to_hsv(colored(winner, strength, colors))
    np.testing.assert_allclose(found[0, :, :2], rgb_to_hsv(colors)[:, :2])
    np.testing.assert_allclose(found[0, :, 2], [1.0, 0.5, 1.0])
