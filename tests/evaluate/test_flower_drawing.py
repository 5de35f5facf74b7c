"""One potted flower: every part where its map says, in its own colour, in a random pose."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage

from onnxplain.evaluate.flower_drawing import PARTS, Look, draw_flower

HUES = {"pot": 0.05, "stem": 0.33, "petals": 0.6, "centre": 0.8}
SIZE = 64


def look(blobs=(), **hues):
    return Look({part: (hue, 0.9, 0.7) for part, hue in {**HUES, **hues}.items()}, blobs)


def drawn(seed, made=None, size=SIZE):
    return draw_flower(np.random.default_rng(seed), made or look(), size)


def inside(parts, name, by=1):
    """Pixels of a part that no other part is blurred into."""
    return scipy.ndimage.binary_erosion(parts == PARTS.index(name), iterations=by)


@pytest.mark.parametrize("size", [32, 64])
def test_a_picture_and_its_parts_have_the_size_that_is_asked_for(size):
    image, parts = drawn(0, size=size)
    assert (image.shape, parts.shape) == ((size, size, 3), (size, size))
    assert image.dtype == parts.dtype == np.uint8
    assert set(np.unique(parts)) == set(range(len(PARTS)))


def test_each_part_has_its_own_colour():
    for seed in range(5):
        image, parts = drawn(seed)
        for name, hue in HUES.items():
            seen = image[inside(parts, name)].astype(float)
            if len(seen) > 8:  # of a thin stem nothing may be left
                found = colorsys.rgb_to_hsv(*seen.mean(axis=0) / 255)
                assert abs((found[0] - hue + 0.5) % 1 - 0.5) < 0.06, name
                assert found[1] > 0.4
        wall = image[inside(parts, "background", 3)].astype(float)
        assert colorsys.rgb_to_hsv(*wall.mean(axis=0) / 255)[1] < 0.3


def test_hues_go_round():
    one, other = (drawn(0, look(petals=hue))[0] for hue in (0.1, 1.1))
    np.testing.assert_allclose(one.astype(int), other, atol=1)


def test_the_pose_belongs_to_the_numbers_and_not_to_the_colours():
    image, parts = drawn(3)
    again, same = drawn(3, look(petals=0.1, pot=0.7))
    np.testing.assert_array_equal(parts, same)
    changed = np.abs(image.astype(int) - again).max(axis=2)
    here = np.isin(parts, [PARTS.index("petals"), PARTS.index("pot")])
    near = scipy.ndimage.binary_dilation(here, iterations=3)
    assert changed[~near].max() <= 1
    assert changed[inside(parts, "petals")].min() > 20
    assert (drawn(4)[1] != parts).any()


def test_a_flower_stands_upright():
    """Head above the stem's middle above the pot, and the centre within its petals."""
    for seed in range(10):
        _, parts = drawn(seed)
        places = {n: np.argwhere(parts == k).mean(axis=0) for k, n in enumerate(PARTS)}
        assert places["petals"][0] < places["stem"][0] < places["pot"][0]
        assert np.linalg.norm(places["centre"] - places["petals"]) < 0.1 * SIZE


def test_blobs_lie_behind_everything():
    """As many of another colour: the same picture but for the background."""
    red, blue = (look(blobs=((hue, 1.0, 1.0),) * 4) for hue in (0.0, 0.6))
    (one, parts), (other, same) = drawn(2, red), drawn(2, blue)
    np.testing.assert_array_equal(parts, same)
    changed = np.abs(one.astype(int) - other).max(axis=2) > 30
    behind = parts == PARTS.index("background")
    assert (changed & behind).sum() > 20
    assert not (changed & inside(parts, "petals", 2)).any()
    assert not (changed & inside(parts, "pot", 2)).any()
