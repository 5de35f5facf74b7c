"""Blocks of patches beside what of them arrived."""

import numpy as np

from onnxplain.features.top_patches import ChannelPatches
from onnxplain.render.patches import draw_patches, signal_picture
from tests.render.pages import colored, images, words


def test_blocks_of_patches_and_channels_without_any():
    patches = [colored(200, 0, 0, (5, 5)), colored(0, 200, 0, (5, 5))]
    signals = [np.full((5, 5, 3), 1.0), np.full((5, 5, 3), -1.0)]
    found = ChannelPatches(3, [2.0, 1.0], ["a", "b"], patches, signals)
    dead = ChannelPatches(4, [], [], [], [])
    figure = draw_patches([found, dead], ["h"], count=9, projection="guided")
    assert "channel 3: 2 to 1" in words(figure)
    assert "channel 4: never above zero" in words(figure)
    left = images(figure)[0]
    assert tuple(left[0, 0]) == (255, 255, 255)  # a signal at its own largest magnitude
    half = left.shape[1] // 2 + left.shape[1] // 24
    assert (left[:, half:] == (200, 0, 0)).all(axis=2).any()


def test_a_channel_is_named_by_the_classes_of_its_pictures():
    patches = [colored(200, 0, 0, (5, 5))] * 4
    classes = [("cat", 2), ("dog", 1), ("bee", 1)]
    found = ChannelPatches(3, [4.0, 3.0, 2.0, 1.0], list("abcd"), patches, [], classes)
    page = words(draw_patches([found], ["h"], count=9, projection=""))
    assert "channel 3, cat 2 of 4, dog 1 of 4: 4 to 1" in page
    assert "bee" not in page


def test_signals_are_grey_at_zero():
    assert signal_picture(np.zeros((2, 2, 1))).tolist() == [[[128] * 3] * 2] * 2
    ends = signal_picture(np.array([[[2.0, -2.0, 0.0]]]))
    assert ends.tolist() == [[[255, 0, 128]]]
