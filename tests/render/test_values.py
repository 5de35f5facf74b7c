"""Maps of plain numbers: one colour for each cell, the ends where they were asked for."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from onnxplain.render.panels import BAR, GAP, LINE, PANEL, TITLE, Canvas
from onnxplain.render.values import note, value_bar, value_map
from tests.made_explanations import made


@pytest.fixture
def canvas():
    return Canvas(Figure(figsize=(6, 8)), 6, 8)


def test_the_numbers_are_drawn_as_they_are(canvas):
    values = np.array([[0.0, 1.0], [np.nan, 4.0]])
    below = value_map(canvas, 0, 0, "title", values, made(np.eye(2)), ends=(0.0, 8.0))
    assert below == pytest.approx(TITLE + PANEL + GAP)
    (image,) = canvas.figure.axes[0].images
    np.testing.assert_array_equal(image.get_array().filled(np.nan), values)
    assert image.get_clim() == (0.0, 8.0)
    assert canvas.figure.texts[0].get_text() == "title"


def test_a_bar_has_text_at_ends_and_middle(canvas):
    below = value_bar(canvas, 0, 1, "positive", ["a", "b", "c"])
    assert below == pytest.approx(1 + BAR + 0.03 + LINE + GAP)
    places = [t.get_position()[0] * 6 for t in canvas.figure.texts]
    assert places == pytest.approx([0.0, PANEL / 2, PANEL])


def test_notes_are_broken_at_the_panel(canvas):
    note(canvas, 0, 0, ["word " * 40])
    canvas.figure.set_dpi(72)
    assert len(canvas.figure.texts) > 1
