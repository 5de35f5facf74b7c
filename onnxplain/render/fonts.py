"""The font of all pages: DejaVu Sans, as matplotlib brings it."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

# Lengths at this size are those of the font's outlines; smaller letters are moved to whole pixels.
_OUTLINE = 1000
_FILES = {"normal": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}

Font = ImageFont.FreeTypeFont


@functools.lru_cache(maxsize=32)
def font(size: float, weight: str = "normal") -> Font:
    """Load the font.

    Parameters
    ----------
    size : float
        In pixels.
    weight : {"normal", "bold"}
        Of its letters.
    """
    # The plain layout is the same everywhere; another one is used where a library is installed.
    return ImageFont.truetype(_file(weight), size, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=4096)
def width_of(text: str, weight: str = "normal") -> float:
    """Width of a line of text, in multiples of the size of its letters."""
    return font(_OUTLINE, weight).getlength(text) / _OUTLINE


@functools.lru_cache(maxsize=2)
def _file(weight: str) -> str:
    # Finding the file takes no time, while matplotlib takes half a second to import.
    found = find_spec("matplotlib")
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder, "mpl-data", "fonts", "ttf", _FILES[weight])
        if file.is_file():
            return str(file)
    # Where a distribution keeps its fonts elsewhere.
    from matplotlib import font_manager

    wanted = font_manager.FontProperties(family="DejaVu Sans", weight=weight)
    return font_manager.findfont(wanted)
