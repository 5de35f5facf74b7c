"""Boxes in pictures: where they are drawn, and what is written beside them."""

import numpy as np
import pytest
from PIL import Image, ImageColor

from onnxplain.render.boxes import numbered, with_boxes
from onnxplain.render.colors import CLASSES

GREY = (90, 90, 90)


@pytest.fixture
def photo():
    """An input of 40 x 60 pixels, enlarged four times."""
    return Image.new("RGB", (240, 160), GREY)


def changed(image):
    rows, columns = np.nonzero((np.asarray(image) != GREY).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_an_outline_stands_at_the_sides(photo):
    drawn = with_boxes(photo, [[10, 5, 30, 20]], (40, 60))
    assert changed(drawn) == (40, 20, 120, 80)
    assert drawn.getpixel((80, 50)) == GREY
    assert photo.getpixel((40, 20)) == GREY


@pytest.mark.parametrize("box", [[-9, -9, 99, 99], [99, 99, -9, -9]])
def test_a_box_is_cut_to_the_picture(photo, box):
    assert changed(with_boxes(photo, [box], (40, 60))) == (0, 0, 239, 159)


def numbered_grey(boxes, names, shape=(40, 60)):
    """Boxes on grey; an input of 40 x 60 pixels is enlarged twelve times."""
    return numbered(np.full((*shape, 3), GREY, np.uint8), boxes, names)


def test_each_box_has_the_colour_of_its_number():
    boxes = [[10, 20, 20, 30], [40, 20, 50, 30]]
    drawn = numbered_grey(boxes, ["cat#1", "dog#1"])
    assert drawn.size == (720, 480)
    for box, colour in zip(boxes, CLASSES, strict=False):
        assert drawn.getpixel((12 * box[0], 12 * box[3] - 8)) == ImageColor.getrgb(colour)


def test_the_first_stands_above_the_others():
    drawn = numbered_grey([[10, 20, 20, 30]] * 2, ["cat#1", "dog#1"])
    assert drawn.getpixel((120, 300)) == ImageColor.getrgb(CLASSES[0])


@pytest.mark.parametrize("box", [[0, 0, 3, 3], [57, 0, 60, 3], [57, 37, 60, 40]])
def test_a_name_stays_within_the_picture(box):
    """As much of its ink is there as in the middle of a large picture."""
    drawn, whole = (
        (np.asarray(numbered_grey([b], ["a long name#1"], shape)) == 0).all(axis=2).sum()
        for b, shape in ((box, (40, 60)), ([500, 500, 501, 501], (1000, 1000)))
    )
    assert drawn == whole > 50
