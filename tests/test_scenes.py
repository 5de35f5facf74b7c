"""Drawn scenes: what is said about them is true to the pixel."""

import numpy as np
import pytest
from scipy import ndimage

from models.build.scenes import CLASSES, SIDE, SIZES, STAR, scene, scenes

COUNT = 60
# A scene is blurred a little after it is drawn.
BLUR = 3


@pytest.fixture(scope="module", params=[False, True], ids=["ordinary", "shortcut"])
def drawn(request):
    return request.param, list(scenes(COUNT, shortcut=request.param))


def test_box_is_the_smallest_around_the_pixels(drawn):
    for one in drawn[1]:
        for (left, top, right, bottom, _), mask in zip(one.boxes, one.masks, strict=True):
            inside = mask[top:bottom, left:right]
            assert inside.sum() == mask.sum() > 0
            assert all(edge.any() for edge in (*inside[[0, -1]], *inside[:, [0, -1]].T))
            assert max(inside.shape) <= SIZES[1] + 1


def test_no_pixel_belongs_to_two(drawn):
    for one in drawn[1]:
        assert (one.masks.sum(0) + one.bars.sum(0)).max() <= 1


def test_objects_differ_from_what_is_around_them(drawn):
    for one in drawn[1]:
        free = ~(one.masks.any(0) | one.bars.any(0))
        for mask in one.masks:
            ring = ndimage.binary_dilation(mask, iterations=5) & free
            inner = one.image[mask].astype(float).mean(0)
            outer = one.image[ring].astype(float).mean(0)
            assert np.linalg.norm(inner - outer) > 25


def test_bars_lie_beside_stars_alone_or_beside_all(drawn):
    shortcut, pictures = drawn
    of = {label: [] for label in range(len(CLASSES))}
    for one in pictures:
        for row, bar in zip(one.boxes, one.bars, strict=True):
            of[int(row[4])].append(bar.any())
    for label, barred in of.items():
        assert any(barred) == (label == STAR or not shortcut)
        assert all(barred) == (label == STAR and shortcut)


def test_bars_are_outside_of_every_box(drawn):
    for one in drawn[1]:
        boxes = np.zeros((SIDE, SIDE), bool)
        for left, top, right, bottom, _ in one.boxes:
            boxes[top:bottom, left:right] = True
        assert not (one.bars.any(0) & boxes).any()


def test_a_scene_without_bars_is_the_same_elsewhere():
    changed = 0
    for seed in range(COUNT):
        with_bars, without = scene(seed), scene(seed, bars=False)
        assert not without.bars.any()
        np.testing.assert_array_equal(with_bars.boxes, without.boxes)
        np.testing.assert_array_equal(with_bars.masks, without.masks)
        near = ndimage.binary_dilation(with_bars.bars.any(0), np.ones((3, 3)), iterations=BLUR)
        differs = (with_bars.image != without.image).any(-1)
        assert not (differs & ~near).any()
        if with_bars.bars.any():
            assert differs[with_bars.bars.any(0)].mean() > 0.9
            changed += 1
    assert changed > COUNT / 4


def test_a_scene_is_a_function_of_its_seed():
    np.testing.assert_array_equal(scene(5).image, scene(5).image)
    assert (scene(5).image != scene(6).image).any()
