"""A map of plain numbers in a panel: no picture below it, every cell one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.canvas import LINE, Align, Canvas
from onnxplain.render.colors import POSITIVE
from onnxplain.render.panels import (
    BAR,
    GAP,
    GREY,
    HEADING,
    PANEL,
    SMALL,
    TITLE,
    picture_height,
)
from onnxplain.render.text import broken

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation


def value_map(
    canvas: Canvas,
    x: float,
    y: float,
    title: str,
    values: NDArray[Any],
    explanation: Explanation,
    colors: NDArray[np.float64] = POSITIVE,
    ends: tuple[float | None, float | None] = (None, None),
) -> float:
    """Draw a map in the shape of the picture, and return where the next thing would start.

    Parameters
    ----------
    canvas, x, y
        Where, in inches.
    title : str
        What the numbers are.
    values : (h, w) array
        The numbers; NaN is left white.
    explanation : Explanation
        Gives the picture's shape.
    colors : (K, 3) array
        Colours from the smallest to the largest number.
    ends : (float, float), optional
        These numbers; taken from the values if not given.
    """
    canvas.text(x, y, title, size=HEADING, weight="bold")
    tall = picture_height(explanation)
    known = values[np.isfinite(values)]
    seen = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    low, high = (own if end is None else end for own, end in zip(seen, ends, strict=True))
    canvas.cells(x, y + TITLE, PANEL, tall, values, colors, low, high)
    return y + TITLE + tall + GAP


def value_bar(
    canvas: Canvas, x: float, y: float, colors: NDArray[np.float64], ends: list[str]
) -> float:
    """Draw a colour bar with text at its ends and middle; returns as `value_map`."""
    canvas.picture(x, y, PANEL, BAR, np.round(255 * colors).astype(np.uint8)[None])
    y += BAR + 0.03
    places: tuple[tuple[float, Align], ...] = ((0.0, "left"), (0.5, "center"), (1.0, "right"))
    for (share, align), text in zip(places, ends, strict=True):
        canvas.text(x + share * PANEL, y, text, align=align)
    return y + LINE + GAP


def note(canvas: Canvas, x: float, y: float, lines: list[str]) -> None:
    """Write small grey lines, broken at the panel's width."""
    canvas.lines(x, y, small(lines), size=SMALL, color=GREY)


def small(lines: list[str]) -> list[str]:
    """Break lines as `note` does."""
    return broken(lines, PANEL, SMALL)
