"""Panels: pictures with their text, and the page that has room for them."""

import numpy as np
import pytest

from onnxplain.render.look import Look
from onnxplain.render.panels import MARGIN, PANEL, SPACE, map_panel, page, picture_height
from tests.made_explanations import made
from tests.render.pages import images, words


def test_a_page_has_room_for_its_columns():
    canvas, top = page(2, 3.0, made(np.eye(2)))
    assert canvas.width == pytest.approx(2 * MARGIN + 2 * PANEL + SPACE)
    assert canvas.height == pytest.approx(top + 3.0 + MARGIN)


@pytest.mark.parametrize(("size", "share"), [((10, 20), 0.5), ((20, 20), 1.0), ((90, 10), 1.6)])
def test_pictures_keep_their_shape_up_to_a_height(size, share):
    found = made(np.eye(2), pixels=np.zeros((*size, 3), np.uint8))
    assert picture_height(found) == pytest.approx(share * PANEL)


@pytest.mark.parametrize(
    ("style", "channels", "said"),
    [
        ("overlay", 3, "evidence for the target (red) and against it (blue)"),
        ("grey", 3, "each channel in its own colour; mid-grey is zero"),
        ("black", 3, "each channel in its own colour; black is zero"),
        ("black", 1, "the sum over channels; black is zero"),
    ],
)
def test_captions_name_the_colours_of_the_style(style, channels, said):
    canvas, top = page(1, 6.0, made(np.eye(2)))
    map_panel(canvas, 0, top, made(np.ones((channels, 4, 4)), ("C", "H", "W")), Look(style))
    shown = words(canvas)
    assert said in " ".join(shown.split())
    assert ("(red)" in shown) == (style == "overlay")


@pytest.mark.parametrize("style", ["grey", "black"])
def test_colours_of_pixels_are_not_mixed_with_the_photo_in_their_bar(style):
    explanation = made(np.ones((3, 4, 4)), ("C", "H", "W"))
    canvas, top = page(1, 6.0, explanation)
    map_panel(canvas, 0, top, explanation, Look(style))
    bar = images(canvas)[-1]
    assert len(bar) == 1
    assert (int(bar.min()), int(bar.max())) == (0, 255)
