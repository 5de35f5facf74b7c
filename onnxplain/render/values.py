"""A map of plain numbers in a panel: no picture below it, every cell one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import NDArray

from onnxplain.render.colors import PALETTES
from onnxplain.render.panels import (
    BAR,
    GAP,
    GREY,
    HEADING,
    LINE,
    PANEL,
    SMALL,
    TITLE,
    Canvas,
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
    colors: str | Colormap = "positive",
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
    colors : str or Colormap
        Colours from the smallest to the largest number; text is a key of `PALETTES`.
    ends : (float, float), optional
        These numbers; taken from the values if not given.
    """
    canvas.text(x, y, title, fontsize=HEADING, weight="bold")
    tall = picture_height(explanation)
    axes = canvas.axes(x, y + TITLE, PANEL, tall)
    cmap = scale_of(colors) if isinstance(colors, str) else colors
    axes.imshow(values, cmap, vmin=ends[0], vmax=ends[1], aspect="auto", interpolation="nearest")
    return y + TITLE + tall + GAP


def value_bar(canvas: Canvas, x: float, y: float, colors: str, ends: list[str]) -> float:
    """Draw a colour bar with text at its ends and middle; returns as `value_map`."""
    canvas.axes(x, y, PANEL, BAR).imshow(PALETTES[colors].bar(), aspect="auto")
    y += BAR + 0.03
    for share, align, text in zip((0.0, 0.5, 1.0), ("left", "center", "right"), ends, strict=True):
        canvas.text(x + share * PANEL, y, text, ha=align)
    return y + LINE + GAP


def scale_of(display: str) -> Colormap:
    """Colours of one kind of map, as matplotlib takes them; a number that is none is white."""
    return ListedColormap(PALETTES[display].table).with_extremes(bad="white")


def note(canvas: Canvas, x: float, y: float, lines: list[str]) -> None:
    """Write small grey lines, broken at the panel's width."""
    canvas.lines(x, y, small(lines), fontsize=SMALL, color=GREY)


def small(lines: list[str]) -> list[str]:
    """Break lines as `note` does."""
    return broken(lines, PANEL, SMALL)
