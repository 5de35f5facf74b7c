"""A page as a list of what stands on it, measured in inches from its upper left corner.

Drawing happens afterwards: `painted` makes a picture, `figure_of` a matplotlib figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.text import shown

# Inches between lines; sizes of fonts in points.
LINE = 0.165
TEXT = 8.5
Align = Literal["left", "center", "right"]
Weight = Literal["normal", "bold"]


@dataclass(frozen=True)
class Box:
    """A place on the page, in inches."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Picture:
    """Pixels in a frame.

    Attributes
    ----------
    box : Box
        The frame.
    pixels : (h, w, 3) uint8 array
        Any size; stretched to the frame.
    blocks : bool
        Whether each pixel is shown as a block, instead of smoothly.
    """

    box: Box
    pixels: NDArray[np.uint8]
    blocks: bool = False


@dataclass(frozen=True)
class Cells:
    """Numbers as coloured blocks in a frame.

    Attributes
    ----------
    box : Box
        The frame.
    values : (h, w) array
        The numbers; NaN is left white.
    colors : (K, 3) array
        Red, green and blue in [0, 1], from the lowest to the highest number.
    low, high : float
        Where the colours end.
    """

    box: Box
    values: NDArray[Any]
    colors: NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True)
class Fill:
    """A box of one colour, ``#rrggbb``, with or without a frame."""

    box: Box
    color: str
    frame: bool


@dataclass(frozen=True)
class Text:
    """One line of text.

    Attributes
    ----------
    x, y : float
        Where it is anchored: at its top, and at the side that `align` says.
    text : str
        What it says.
    size : float
        Of the font, in points.
    weight : {"normal", "bold"}
        Of the font.
    color : str
        ``#rrggbb``.
    align : {"left", "center", "right"}
        Which side is at `x`.
    """

    x: float
    y: float
    text: str
    size: float = TEXT
    weight: Weight = "normal"
    color: str = "#000000"
    align: Align = "left"


@dataclass(frozen=True)
class Mark:
    """A white text with a black edge, with its middle at (x, y): it can be read on any picture."""

    x: float
    y: float
    text: str
    size: float = TEXT


Item = Picture | Cells | Fill | Text | Mark


@dataclass(frozen=True)
class Canvas:
    """What stands on a page.

    Attributes
    ----------
    width, height : float
        Size of the page in inches.
    items : list
        In the order in which they are drawn.
    """

    width: float
    height: float
    items: list[Item] = field(default_factory=list)

    def picture(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        pixels: NDArray[np.uint8],
        *,
        blocks: bool = False,
    ) -> None:
        """Add pixels in a frame whose upper left corner is at (x, y)."""
        self.items.append(Picture(Box(x, y, width, height), np.asarray(pixels), blocks))

    def whole(
        self, x: float, y: float, width: float, height: float, pixels: NDArray[np.uint8]
    ) -> None:
        """Add a picture that keeps its proportions, in the middle of a place."""
        tall, wide = pixels.shape[:2]
        scale = min(width / wide, height / tall)
        own = (wide * scale, tall * scale)
        self.picture(x + (width - own[0]) / 2, y + (height - own[1]) / 2, *own, pixels)

    def cells(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        values: NDArray[Any],
        colors: NDArray[np.float64],
        low: float,
        high: float,
    ) -> None:
        """Add numbers as coloured blocks in a frame."""
        self.items.append(Cells(Box(x, y, width, height), values, colors, low, high))

    def fill(
        self, x: float, y: float, width: float, height: float, color: str, *, frame: bool = True
    ) -> None:
        """Add a box of one colour."""
        self.items.append(Fill(Box(x, y, width, height), color, frame))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT,
        weight: Weight = "normal",
        color: str = "#000000",
        align: Align = "left",
    ) -> None:
        """Write text whose top is at `y`."""
        # Names come from files.
        self.items.append(Text(x, y, shown(text), size, weight, color, align))

    def lines(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        size: float = TEXT,
        weight: Weight = "normal",
        color: str = "#000000",
    ) -> float:
        """Write lines from `y` downwards, and return where the next one would start."""
        for line in lines:
            self.text(x, y, line, size=size, weight=weight, color=color)
            y += LINE
        return y

    def mark(self, x: float, y: float, text: str) -> None:
        """Write white text with a black edge around a point."""
        self.items.append(Mark(x, y, text))


def hexadecimal(color: Sequence[float]) -> str:
    """``#rrggbb`` of red, green and blue in [0, 1]."""
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in color)
