"""Boxes drawn into a picture: outlines, and their numbers and names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from onnxplain.render.colors import CLASSES
from onnxplain.render.photo import enlarged

_WIDTH, _MARGIN, _LETTERS = 2, 2, 14
Boxes = Sequence[Sequence[float]]


def with_boxes(image: Image.Image, boxes: Boxes, shape: Sequence[int]) -> Image.Image:
    """Outline boxes in a picture that may be larger than the input.

    Parameters
    ----------
    image : PIL.Image.Image
        The picture.
    boxes : sequence of (4,) sequence
        Left, top, right and bottom in pixels of the input.
    shape : sequence of int
        Height and width of the input.
    """
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    for sides in _in_picture(boxes, shape, image.size):
        pen.rectangle(sides, outline="white", width=2 * _WIDTH)
        pen.rectangle(sides, outline="black", width=_WIDTH)
    return drawn


def numbered(pixels: NDArray[np.uint8], boxes: Boxes, names: Sequence[str]) -> Image.Image:
    """Draw boxes with their numbers and names into a picture, the first above the others.

    Parameters
    ----------
    pixels : (H, W, 3) or (H, W, 1) array
        The picture as the model sees it.
    boxes : sequence of (4,) sequence
        Left, top, right and bottom in its pixels.
    names : sequence of str
        Name of each box.
    """
    drawn = Image.fromarray(enlarged(pixels))
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(size=_LETTERS)
    for k, sides in reversed(list(enumerate(_in_picture(boxes, pixels.shape, drawn.size)))):
        colour = CLASSES[k % len(CLASSES)]
        pen.rectangle(sides, outline=colour, width=_WIDTH)
        text = f"{k + 1} {names[k]}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        wide, high = right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN
        # Above the box, where there is room, and never beside the picture.
        x = max(0, min(sides[0], drawn.width - 1 - wide))
        y = max(0, sides[1] - high)
        pen.rectangle((x, y, x + wide, y + high), fill=colour)
        pen.text((x + _MARGIN - left, y + _MARGIN - top), text, fill="black", font=font)
    return drawn


def _in_picture(
    boxes: Boxes, shape: Sequence[int], size: tuple[int, int]
) -> Iterator[tuple[float, float, float, float]]:
    """Boxes in pixels of the picture, cut to it, with their sides the right way."""
    width, height = size
    across, down = width / shape[1], height / shape[0]
    for box in boxes:
        left, right = np.sort(np.clip([box[0] * across, box[2] * across], 0, width - 1))
        top, bottom = np.sort(np.clip([box[1] * down, box[3] * down], 0, height - 1))
        yield float(left), float(top), float(right), float(bottom)
