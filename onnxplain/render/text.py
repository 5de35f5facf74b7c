"""Break lines where a given width ends, by the measure of the font itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from onnxplain.render.fonts import width_of
from onnxplain.text import shown

_POINTS = 72  # in an inch


def broken(lines: Iterable[str], width: float, size: float, weight: str = "normal") -> list[str]:
    """Break lines at words where they can be, inside of words where they must be.

    Parameters
    ----------
    lines : iterable of str
        Each starts a new line; white space in them is folded.
    width : float
        In inches.
    size : float
        Of the font, in points.
    weight : str
        Of the font.
    """
    most = width * _POINTS / size
    return [part for line in lines for part in _break(shown(line), most, weight)]


def _break(line: str, width: float, weight: str) -> list[str]:
    count = max(len(line), 1)
    while True:
        parts = textwrap.wrap(line, count) or [""]
        widest = max(width_of(part, weight) for part in parts)
        if widest <= width or count == 1:
            return parts
        count = max(1, min(count - 1, int(count * width / widest)))
