"""Pages as Pillow draws them, beside matplotlib's drawing of the same page."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from onnxplain.render.canvas import Canvas, Cells, Text
from onnxplain.render.colors import POSITIVE
from onnxplain.render.figures import figure_of
from onnxplain.render.painted import DPI, cell_pixels, painted, text_box
from onnxplain.render.sheet import sheet
from tests.made_explanations import made


def by_matplotlib(canvas):
    figure = figure_of(canvas)
    figure.set_dpi(DPI)
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])


def blurred(image):
    """Mean brightness of blocks of a few pixels: letters are drawn a little differently."""
    grey = image.convert("L")
    return np.asarray(grey.resize((grey.width // 8, grey.height // 8), Image.Resampling.BOX), float)


def extent(image):
    """First row and column with ink, last row and column."""
    ink = np.argwhere(np.asarray(image.convert("L")) < 128)
    return np.concatenate([ink.min(axis=0), ink.max(axis=0)])


def test_a_sheet_looks_as_matplotlib_draws_it(rng):
    photo = rng.integers(0, 256, (8, 10, 3), np.uint8).repeat(30, 0).repeat(30, 1)
    maps = [
        made(rng.normal(size=photo.shape[:2]), pixels=photo),
        made(rng.normal(size=photo.shape[:2]), pixels=photo, method="cam", display="positive"),
    ]
    page = sheet(maps)
    mine, other = blurred(painted(page)), blurred(by_matplotlib(page))
    assert mine.shape == other.shape
    apart = np.abs(mine - other)
    # A page that is empty, or shifted by a line, is another one.
    shifted = np.abs(np.roll(mine, 2, axis=0) - other).mean()
    empty = np.abs(255 - other).mean()
    assert apart.mean() < 0.2 * min(shifted, empty)


@pytest.mark.parametrize("align", ["left", "center", "right"])
@pytest.mark.parametrize("weight", ["normal", "bold"])
@pytest.mark.parametrize("text", ["logit of tiger cat (282): 9.21", "\u00c5gypten, lp", "\u2265 4"])
def test_text_stands_where_matplotlib_puts_it(align, weight, text):
    canvas = Canvas(6, 1)
    canvas.text(3, 0.4, text, weight=weight, align=align)
    mine, other = (extent(page) for page in (painted(canvas), by_matplotlib(canvas)))
    # Rows are those of the baseline; letters are moved to whole pixels along the line.
    assert np.abs(mine - other)[[0, 2]].max() <= 1
    assert np.abs(mine - other)[[1, 3]].max() <= 3
    left, top, right, bottom = text_box(canvas.items[0])
    assert left - 1 <= mine[1]
    assert mine[3] <= right + 1
    assert top - 1 <= mine[0]
    assert mine[2] <= bottom + 1


def test_pictures_fill_their_frames():
    canvas = Canvas(3, 2)
    canvas.picture(1, 0.5, 1, 1, np.full((1, 1, 3), (9, 200, 30), np.uint8))
    page = np.asarray(painted(canvas))
    assert page.shape == (2 * DPI, 3 * DPI, 3)
    first, last = round(0.5 * DPI), round(1.5 * DPI)
    np.testing.assert_array_equal(page[first, DPI : 2 * DPI + 1], 0)
    np.testing.assert_array_equal(page[last, DPI : 2 * DPI + 1], 0)
    assert (page[first + 1 : last, DPI + 1 : 2 * DPI] == (9, 200, 30)).all()
    assert (page[:first] == 255).all()
    assert (page[:, 2 * DPI + 1 :] == 255).all()


@pytest.mark.parametrize("blocks", [True, False])
def test_blocks_have_hard_edges(blocks):
    canvas = Canvas(1, 1)
    canvas.picture(0, 0, 1, 1, np.array([[[0] * 3, [200] * 3]], np.uint8), blocks=blocks)
    row = np.asarray(painted(canvas))[DPI // 2, 1:-1, 0]
    assert (set(row) == {0, 200}) == blocks


def test_cells_have_matplotlibs_colours():
    values = np.array([[-3.0, -2.0, 0.1], [1.9, 2.0, np.nan]])
    cells = Cells(None, values, colormaps["RdBu_r"](np.arange(256))[:, :3], -2.0, 2.0)
    expected = np.asarray(colormaps["RdBu_r"]((values + 2.0) / 4.0))[..., :3] * 255
    expected[1, 2] = 255
    np.testing.assert_allclose(cell_pixels(cells), expected, atol=1.0)
    flat = Cells(None, np.ones((2, 2)), POSITIVE, 1.0, 1.0)
    np.testing.assert_array_equal(cell_pixels(flat)[0, 0], np.round(255 * POSITIVE[0]))


def test_a_fill_without_extent_is_nothing():
    canvas = Canvas(1, 1)
    canvas.fill(0.5, 0.5, 0.0, 0.3, "#ff0000", frame=False)
    assert (np.asarray(painted(canvas)) == 255).all()
    canvas.fill(0.25, 0.5, 0.5, 0.3, "#ff0000", frame=False)
    assert (np.asarray(painted(canvas))[60:80, 30:80] == (255, 0, 0)).all()


def test_a_mark_is_white_with_a_black_edge():
    canvas = Canvas(1, 1)
    canvas.fill(0, 0, 1, 1, "#808080", frame=False)
    canvas.mark(0.5, 0.5, "7")
    found = np.asarray(painted(canvas).convert("L")).astype(int)
    rows, columns = np.nonzero(np.abs(found - 128) > 60)
    assert (rows.mean(), columns.mean()) == pytest.approx((DPI / 2, DPI / 2), abs=2)
    assert found.max() > 240
    assert found.min() < 20


def test_no_text_says_nothing():
    canvas = Canvas(1, 1, [Text(0, 0, "")])
    assert (np.asarray(painted(canvas)) == 255).all()
