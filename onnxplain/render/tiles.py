"""Many small pictures on one page, each with a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.render.canvas import LINE, Canvas
from onnxplain.render.panels import GREY, MARGIN, PAGE, SMALL
from onnxplain.render.text import broken

Pixels = NDArray[np.uint8]

_PAGE_LINE, _GAP = 0.25, 0.08
# Pixels along the longer side of a tile on the page, and the width of a page in inches.
_SIDE_PIXELS, _WIDEST = 192, 13.0
_NARROWEST = 5.0
_ROUNDING = 1e-6
# Inches: some 55,000 pixels, which all programs can read.
_LONGEST = 500.0


@dataclass(frozen=True)
class Tile:
    """A picture with the text below it.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 array
        Any size; enlarged by whole blocks, reduced by averaging.
    caption : str
        Kept on as few lines as fit.
    """

    pixels: Pixels
    caption: str = ""


def tile_page(
    heading: Sequence[str],
    tiles: Sequence[Tile | None],
    *,
    columns: int,
    side: float,
    notes: str = "",
) -> Canvas:
    """Draw tiles in rows.

    Parameters
    ----------
    heading : sequence of str
        The first line is large, further ones are small.
    tiles : sequence of Tile
        Row by row; ``None`` leaves a place empty.
    columns : int
        Tiles in a row; fewer if the page would be too wide.
    side : float
        Inches of the longer side of a tile.
    notes : str
        How to read the page; at its foot.

    Returns
    -------
    Canvas
        What stands on the page.

    Raises
    ------
    UsageError
        If the page would be longer than a picture can be.
    """
    columns = max(1, min(columns, len(tiles), int((_WIDEST + _GAP) / (side + _GAP))))
    width = max(2 * MARGIN + columns * (side + _GAP) - _GAP, _NARROWEST)
    title = broken(heading[:1], width - 2 * MARGIN, PAGE)
    small = broken(heading[1:], width - 2 * MARGIN, SMALL + 1)
    foot = broken([notes] if notes else [], width - 2 * MARGIN, SMALL)
    rows = [tiles[k : k + columns] for k in range(0, len(tiles), columns)]
    texts = [[broken([t.caption], side, SMALL) if t else [] for t in row] for row in rows]
    tall = [max(_shape(t, side)[0] for t in row if t) for row in rows]
    heights = [h + LINE * max(map(len, ts)) + _GAP for h, ts in zip(tall, texts, strict=True)]
    top = MARGIN + len(title) * _PAGE_LINE + len(small) * LINE + 0.1
    height = top + sum(heights) + len(foot) * LINE + 2 * MARGIN
    if height > _LONGEST:
        raise UsageError(f"{len(tiles)} pictures do not fit on one page; choose fewer")
    canvas = Canvas(width, height)
    for k, line in enumerate(title):
        canvas.text(MARGIN, MARGIN + k * _PAGE_LINE, line, size=PAGE)
    canvas.lines(MARGIN, MARGIN + len(title) * _PAGE_LINE, small, size=SMALL + 1, color=GREY)
    y = top
    for row, lines, h, step in zip(rows, texts, tall, heights, strict=True):
        for k, (tile, text) in enumerate(zip(row, lines, strict=True)):
            if tile is None:
                continue
            x = MARGIN + k * (side + _GAP)
            own = _shape(tile, side)
            canvas.picture(x, y, own[1], own[0], _sized(tile.pixels))
            canvas.lines(x, y + h + 0.02, text, size=SMALL)
        y += step
    canvas.lines(MARGIN, y + 0.1, foot, size=SMALL, color=GREY)
    return canvas


def fitting_side(columns: int, most: float) -> float:
    """Inches of a tile's side so that a row of so many is not broken, and at most `most`."""
    return min(most, (_WIDEST + _GAP) / columns - _GAP - _ROUNDING)


def block(pictures: Sequence[Pixels], columns: int = 3, gap: int = 2) -> Pixels:
    """Join pictures of one size to a block with white lines between, as in Zeiler's figures."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    joined = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        joined[top : top + height, left : left + width] = picture
    return joined


def _shape(tile: Tile, side: float) -> tuple[float, float]:
    height, width = tile.pixels.shape[:2]
    return side * height / max(height, width), side * width / max(height, width)


def _sized(pixels: Pixels) -> Pixels:
    """Enlarge small pictures as the blocks that they are."""
    factor = max(1, _SIDE_PIXELS // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
