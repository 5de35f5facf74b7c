"""Boxes drawn into a picture: outlines, and their numbers and names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_WIDTH = 2
# Told apart by people who see few colours, on light and dark ground alike.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_SHORT_SIDE = 448


def with_boxes(
    image: Image.Image, boxes: Iterable[Sequence[float]], shape: Sequence[int]
) -> Image.Image:
    """Outline boxes in a picture that may be larger than the input.

    Parameters
    ----------
    image : PIL.Image.Image
        The picture.
    boxes : iterable of (4,) sequence
        Left, top, right and bottom in pixels of the input.
    shape : sequence of int
        Height and width of the input.
    """
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    across, down = image.width / shape[1], image.height / shape[0]
    for box in boxes:
        sides = _within(np.asarray(box) * (across, down, across, down), image.size)
        pen.rectangle(sides, outline="white", width=2 * _WIDTH)
        pen.rectangle(sides, outline="black", width=_WIDTH)
    return drawn


def numbered(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float64], names: Sequence[str]
) -> Image.Image:
    """Draw all boxes of a picture with their numbers and names.

    Parameters
    ----------
    pixels : (H, W, 3) or (H, W, 1) array
        The picture as the model sees it.
    boxes : (M, 4) array
        Left, top, right and bottom in its pixels, the strongest first.
    names : sequence of str
        Name of each.
    """
    plain = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    factor = max(1, -(-_SHORT_SIDE // min(pixels.shape[:2])))
    image = Image.fromarray(np.kron(plain, np.ones((factor, factor, 1), np.uint8)))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=14)
    # The strongest are drawn last, above the others.
    for k in reversed(range(len(boxes))):
        colour = _COLOURS[k % len(_COLOURS)]
        sides = _within(boxes[k] * factor, image.size)
        pen.rectangle(sides, outline=colour, width=_WIDTH)
        text = f"{k + 1} {names[k]}"
        left, top, right, bottom = pen.textbbox((sides[0], sides[1]), text, font=font)
        shift = min(0.0, image.width - right - 2), max(0.0, -(sides[1] - (bottom - top) - 4))
        corner = sides[0] + shift[0], sides[1] - (bottom - top) - 4 + shift[1]
        area = (corner[0], corner[1], corner[0] + right - left + 4, corner[1] + bottom - top + 4)
        pen.rectangle(area, fill=colour)
        pen.text((corner[0] + 2, corner[1] - (top - sides[1]) + 2), text, fill="white", font=font)
    return image


def _within(box: NDArray[np.float64], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box cut to a picture, with its sides the right way."""
    width, height = size
    left, right = np.sort(np.clip(box[[0, 2]], 0, width - 1))
    top, bottom = np.sort(np.clip(box[[1, 3]], 0, height - 1))
    return float(left), float(top), float(right), float(bottom)
