"""Panels: a figure measured in inches from its upper left corner."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from onnxplain.render.panels import LINE, MARGIN, PANEL, SPACE, Canvas, page, picture_height
from tests.made_explanations import made


def test_places_are_inches_from_the_upper_left():
    canvas = Canvas(Figure(figsize=(4, 2)), 4, 2)
    box = canvas.axes(1, 0.5, 2, 1).get_position()
    assert box.bounds == pytest.approx((0.25, 0.25, 0.5, 0.5))
    assert canvas.lines(1, 0.5, ["a", "$b$\n"]) == pytest.approx(0.5 + 2 * LINE)
    first, second = canvas.figure.texts
    assert first.get_position() == pytest.approx((0.25, 0.75))
    assert (second.get_text(), second.get_parse_math()) == ("$b$ ", False)


def test_a_page_has_room_for_its_columns():
    canvas, top = page(2, 3.0, made(np.eye(2)))
    assert canvas.width == pytest.approx(2 * MARGIN + 2 * PANEL + SPACE)
    assert canvas.height == pytest.approx(top + 3.0 + MARGIN)
    assert tuple(canvas.figure.get_size_inches()) == pytest.approx((canvas.width, canvas.height))


@pytest.mark.parametrize(("size", "share"), [((10, 20), 0.5), ((20, 20), 1.0), ((90, 10), 1.6)])
def test_pictures_keep_their_shape_up_to_a_height(size, share):
    found = made(np.eye(2), pixels=np.zeros((*size, 3), np.uint8))
    assert picture_height(found) == pytest.approx(share * PANEL)
