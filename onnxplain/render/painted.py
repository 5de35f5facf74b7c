"""A page as a picture, by Pillow: what the commands write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from onnxplain.render.canvas import Box, Canvas, Cells, Fill, Mark, Picture, Text
from onnxplain.render.fonts import Font, font

DPI = 110
_POINTS = 72  # in an inch
_BLACK, _WHITE = "#000000", "#ffffff"
# Letters that say how high a line is; text with higher ones starts higher.
_HIGH = "lp"


def painted(canvas: Canvas, dpi: float = DPI) -> Image.Image:
    """Draw a page.

    Parameters
    ----------
    canvas : Canvas
        What stands on it.
    dpi : float
        Pixels in an inch.

    Returns
    -------
    PIL.Image.Image
        RGB, on white.
    """
    size = (int(canvas.width * dpi + 1e-6), int(canvas.height * dpi + 1e-6))
    page = Image.new("RGB", size, _WHITE)
    pen = ImageDraw.Draw(page)
    for item in canvas.items:
        if isinstance(item, Text):
            _write(pen, item, dpi)
        elif isinstance(item, Mark):
            pen.text(
                (item.x * dpi, item.y * dpi), item.text, _WHITE, _font(item.size, dpi), "mm",
                stroke_width=1, stroke_fill=_BLACK,
            )  # fmt: skip
        elif isinstance(item, Fill):
            left, top, right, bottom = _pixels(item.box, dpi)
            if left < right and top < bottom:
                outline = _BLACK if item.frame else None
                pen.rectangle((left, top, right, bottom), item.color, outline)
        else:
            _frame(page, pen, item, _pixels(item.box, dpi))
    return page


def text_box(text: Text, dpi: float = DPI) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text on the page, in pixels."""
    letters = _font(text.size, dpi, text.weight)
    x, baseline = _place(text, letters, dpi)
    left, top, right, bottom = letters.getbbox(text.text, anchor="ls")
    return x + left, baseline + top, x + right, baseline + bottom


def cell_pixels(cells: Cells) -> NDArray[np.uint8]:
    """Numbers as colours, (h, w, 3)."""
    values = np.asarray(cells.values, np.float64)
    extent = cells.high - cells.low
    shares = (values - cells.low) / extent if extent else np.zeros(values.shape)
    known, count = ~np.isnan(shares), len(cells.colors)
    numbers = np.clip(np.where(known, shares, 0.0) * count, 0, count - 1).astype(np.intp)
    colors = np.where(known[..., None], cells.colors[numbers], 1.0)
    return np.round(255 * colors).astype(np.uint8)


def _frame(
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    item: Picture | Cells,
    sides: tuple[int, int, int, int],
) -> None:
    left, top, right, bottom = sides
    size = (right - left + 1, bottom - top + 1)
    pixels = cell_pixels(item) if isinstance(item, Cells) else item.pixels
    drawn = Image.fromarray(pixels)
    if isinstance(item, Cells) or item.blocks:
        kind = Image.Resampling.NEAREST
    elif size[0] * size[1] < drawn.width * drawn.height:
        kind = Image.Resampling.HAMMING
    else:
        kind = Image.Resampling.BILINEAR
    page.paste(drawn.resize(size, kind), (left, top))
    pen.rectangle(sides, None, _BLACK)


def _pixels(box: Box, dpi: float) -> tuple[int, int, int, int]:
    """First and last column and row of a box."""
    left, top = round(box.x * dpi), round(box.y * dpi)
    right, bottom = round((box.x + box.width) * dpi), round((box.y + box.height) * dpi)
    return left, top, right, bottom


def _write(pen: ImageDraw.ImageDraw, text: Text, dpi: float) -> None:
    letters = _font(text.size, dpi, text.weight)
    pen.text(_place(text, letters, dpi), text.text, text.color, letters, "ls")


def _place(text: Text, letters: Font, dpi: float) -> tuple[float, float]:
    """Where a text starts, and its baseline."""
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[text.align]
    x = text.x * dpi - share * letters.getlength(text.text)
    rise = max(-letters.getbbox(t, anchor="ls")[1] for t in (_HIGH, text.text))
    return x, round(text.y * dpi + rise)


def _font(size: float, dpi: float, weight: str = "normal") -> Font:
    return font(size * dpi / _POINTS, weight)
