"""Boxes in pictures: where their outlines stand, and that names are written."""

import numpy as np
from PIL import Image

from onnxplain.render.boxes import numbered, with_boxes

GREY = (120, 130, 140)


def grey(height, width):
    return np.full((height, width, 3), GREY, np.uint8)


def test_outlines_stand_where_the_box_is_in_a_larger_picture():
    image = Image.fromarray(grey(80, 120))
    drawn = np.asarray(with_boxes(image, [(2, 1, 7, 6)], (8, 10)))
    # The input is 10 times smaller down and 12 times across: 24..84 across, 10..60 down.
    changed = (drawn != GREY).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (10, 60, 24, 84)
    assert not changed[20:50, 34:74].any()
    assert tuple(drawn[10, 50]) == (0, 0, 0)
    assert tuple(drawn[12, 50]) == (255, 255, 255)
    assert (np.asarray(image) == GREY).all()  # the picture given is left as it is


def test_boxes_beyond_the_picture_and_with_swapped_sides_are_cut_to_it():
    image = Image.fromarray(grey(40, 40))
    whole = np.asarray(with_boxes(image, [(-5, -5, 99, 99)], (40, 40)))
    assert (whole[0] == 0).all()
    assert (whole[:, 39] == 0).all()
    swapped, plain = (np.asarray(with_boxes(image, [b], (40, 40))) for b in SWAPPED)
    np.testing.assert_array_equal(swapped, plain)


SWAPPED = [(30, 20, 10, 5), (10, 5, 30, 20)]


def test_numbered_boxes_have_colours_of_their_own_and_the_first_lies_on_top():
    boxes = np.array([[50.0, 50, 150, 150], [50.0, 50, 150, 150], [200.0, 60, 380, 400]])
    image = np.asarray(numbered(grey(448, 448), boxes, ["cat", "dog", "cow"]))
    assert tuple(image[100, 50]) == (0x00, 0x72, 0xB2)
    assert tuple(image[200, 200]) == (0x00, 0x9E, 0x73)
    assert not (image == (0xE6, 0x9F, 0x00)).all(axis=2)[100, 50]
    assert (image[150:155, 250:255] == GREY).all()


def test_small_and_grey_pictures_are_enlarged_by_whole_pixels():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    image = np.asarray(numbered(pixels, np.zeros((0, 4)), []))
    factor = -(-448 // 3)
    assert image.shape == (3 * factor, 4 * factor, 3)
    np.testing.assert_array_equal(image[::factor, ::factor], np.repeat(pixels, 3, axis=2))


def test_names_are_written_beside_their_box_and_inside_of_the_picture():
    place = np.array([[400.0, 200, 440, 240]])
    plain, named = (numbered(grey(448, 448), place, [n]) for n in ("", "a long name"))
    changed = np.argwhere((np.asarray(plain) != np.asarray(named)).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].max() < 210
    label = (np.asarray(named) == (0x00, 0x72, 0xB2)).all(axis=2)
    assert label[185, 350:447].any()
    top = np.asarray(numbered(grey(448, 448), np.array([[10.0, 0, 90, 90]]), ["top"]))
    assert (top[2:16, 10:60] == 255).all(axis=2).any()
