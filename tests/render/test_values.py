"""Maps of plain numbers: one colour for each cell, the ends where they were asked for."""

import numpy as np
import pytest

from onnxplain.render.canvas import LINE, Canvas, Cells, Text
from onnxplain.render.colors import POSITIVE
from onnxplain.render.panels import BAR, GAP, PANEL, TITLE
from onnxplain.render.values import note, value_bar, value_map
from tests.made_explanations import made


@pytest.fixture
def canvas():
    return Canvas(6, 8)


def test_the_numbers_are_drawn_as_they_are(canvas):
    values = np.array([[0.0, 1.0], [np.nan, 4.0]])
    below = value_map(canvas, 0, 0, "title", values, made(np.eye(2)), ends=(0.0, 8.0))
    assert below == pytest.approx(TITLE + PANEL + GAP)
    title, cells = canvas.items
    assert isinstance(cells, Cells)
    np.testing.assert_array_equal(cells.values, values)
    assert (cells.low, cells.high) == (0.0, 8.0)
    assert title.text == "title"


def test_a_bar_has_text_at_ends_and_middle(canvas):
    below = value_bar(canvas, 0, 1, POSITIVE, ["a", "b", "c"])
    assert below == pytest.approx(1 + BAR + 0.03 + LINE + GAP)
    places = [(t.x, t.align) for t in canvas.items if isinstance(t, Text)]
    assert places == [(0.0, "left"), (PANEL / 2, "center"), (PANEL, "right")]


def test_notes_are_broken_at_the_panel(canvas):
    note(canvas, 0, 0, ["word " * 40])
    assert len(canvas.items) > 1


def test_ends_are_those_of_the_numbers_where_none_are_given(canvas):
    value_map(canvas, 0, 0, "t", np.array([[np.nan, 2.0, 5.0]]), made(np.eye(2)), ends=(None, 9.0))
    assert (canvas.items[1].low, canvas.items[1].high) == (2.0, 9.0)
