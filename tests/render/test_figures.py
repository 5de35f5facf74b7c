"""Pages as matplotlib figures."""

import numpy as np
import pytest

from onnxplain.render.canvas import Canvas
from onnxplain.render.colors import POSITIVE
from onnxplain.render.figures import figure_of


@pytest.fixture
def canvas():
    return Canvas(4, 2)


def test_places_are_inches_from_the_upper_left(canvas):
    canvas.picture(1, 0.5, 2, 1, np.zeros((2, 2, 3), np.uint8))
    canvas.text(1, 0.5, "$b$", weight="bold")
    figure = figure_of(canvas)
    assert tuple(figure.get_size_inches()) == (4, 2)
    assert figure.axes[0].get_position().bounds == pytest.approx((0.25, 0.25, 0.5, 0.5))
    (text,) = figure.texts
    assert text.get_position() == pytest.approx((0.25, 0.75))
    assert (text.get_text(), text.get_parse_math(), text.get_weight()) == ("$b$", False, "bold")


def test_numbers_and_pictures_are_those_of_the_page(canvas):
    values = np.array([[0.0, np.nan]])
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    canvas.cells(0, 0, 1, 1, values, POSITIVE, -1.0, 2.0)
    canvas.picture(1, 0, 1, 1, pixels, blocks=True)
    first, second = (axes.images[0] for axes in figure_of(canvas).axes)
    np.testing.assert_array_equal(first.get_array().filled(np.nan), values)
    assert first.get_clim() == (-1.0, 2.0)
    np.testing.assert_allclose(first.cmap(1.0)[:3], POSITIVE[-1])
    np.testing.assert_array_equal(second.get_array(), pixels)


def test_fills_and_marks(canvas):
    canvas.fill(0, 0, 1, 1, "#ff0000")
    canvas.fill(0, 0, 1, 1, "#00ff00", frame=False)
    canvas.mark(2, 1, "7")
    figure = figure_of(canvas)
    first, second = figure.axes
    assert first.get_facecolor() == (1, 0, 0, 1)
    assert [a.spines["top"].get_visible() for a in (first, second)] == [True, False]
    (mark,) = figure.texts
    assert (mark.get_text(), mark.get_ha(), mark.get_va()) == ("7", "center", "center")
