"""A page as a list: places are inches from the upper left corner."""

import numpy as np
import pytest

from onnxplain.render.canvas import LINE, Box, Canvas, Text, hexadecimal


def test_lines_follow_each_other_and_hold_no_control_characters():
    canvas = Canvas(4, 2)
    assert canvas.lines(1, 0.5, ["a", "$b$\n"], size=7) == pytest.approx(0.5 + 2 * LINE)
    assert canvas.items == [Text(1, 0.5, "a", 7), Text(1, 0.5 + LINE, "$b$ ", 7)]


@pytest.mark.parametrize(
    ("size", "box"),
    [((10, 20), Box(1, 1.5, 2, 1)), ((20, 20), Box(1, 1, 2, 2)), ((40, 10), Box(1.75, 1, 0.5, 2))],
)
def test_a_whole_picture_keeps_its_proportions_in_the_middle(size, box):
    canvas = Canvas(4, 4)
    canvas.whole(1, 1, 2, 2, np.zeros((*size, 3), np.uint8))
    assert canvas.items[0].box == box


def test_a_colour_in_hexadecimal():
    assert hexadecimal((1.0, 0.5, 0.0)) == "#ff8000"
