"""Pictures are written whole, with the pixels that they have."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from onnxplain.errors import OutputError
from onnxplain.render.canvas import Canvas
from onnxplain.render.save import DPI, save_figure, save_image, save_page


def test_an_image_has_its_pixels(tmp_path, rng):
    pixels = rng.integers(0, 256, (4, 5, 3), np.uint8)
    save_image(Image.fromarray(pixels), tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)


def test_a_figure_has_its_inches(tmp_path):
    save_figure(Figure(figsize=(2, 1)), tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").size == (2 * DPI, DPI)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_figure(Figure(figsize=(1, 1)), tmp_path / "file" / "a.png")


@pytest.mark.parametrize(("kind", "head"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pages_are_written_as_their_names_end(tmp_path, kind, head):
    page = Canvas(2, 1)
    page.text(0.1, 0.1, "letters $x$")
    page.picture(0.5, 0.5, 1, 0.3, np.zeros((2, 2, 3), np.uint8))
    first, second = (tmp_path / f"{n}.{kind}" for n in ("a", "b"))
    for path in (first, second):
        save_page(page, path)
    assert first.read_bytes().startswith(head)
    assert first.read_bytes() == second.read_bytes()
    if kind == "svg":
        assert b"letters $x$" in first.read_bytes()
