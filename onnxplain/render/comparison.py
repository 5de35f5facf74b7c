"""Photos on which files differ: the same place of the photo, one column for each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from onnxplain.explanations.display import displayed, scale, upsample
from onnxplain.methods import registered
from onnxplain.render.colors import ALPHA, PALETTES, blend, grey
from onnxplain.render.photo import enlarged
from onnxplain.text import shown

# All lengths in inches.
_CELL, _HEAD, _BAR, _GAP = 2.3, 0.75, 0.13, 0.6
_TEXT, _SMALL = 9, 8


@dataclass(frozen=True)
class ComparedPhoto:
    """One photo as all files saw it.

    Attributes
    ----------
    name : str
        The photo's name.
    pixels : (H, W, 3) or (H, W) uint8 array
        The part of the photo that all files see.
    captions : mapping of str to str
        What each file predicts.
    maps : mapping of str to mapping of str to array
        By method, then by file.
    """

    name: str
    pixels: NDArray[Any]
    captions: Mapping[str, str]
    maps: Mapping[str, Mapping[str, NDArray[Any]]]


def comparison_figure(photos: Sequence[ComparedPhoto]) -> Figure:
    """Draw each photo and method as a row: the photo, then each file's map over it.

    Every map has its own colour range, up to its largest magnitude: files of other
    arithmetic have scores of other size. Below stands a bar for each method.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    files = list(photos[0].captions)
    rows = [(photo, method) for photo in photos for method in photo.maps]
    methods = list(dict.fromkeys(method for _, method in rows))
    columns = len(files) + 1
    below = len(methods) * _GAP
    wide, tall = _CELL * columns, _CELL * len(rows) + _HEAD + below
    figure = Figure(figsize=(wide, tall))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", rect=(0, below / tall, 1, 1 - below / tall))
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for axes in panels.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    for line, (photo, method) in zip(panels, rows, strict=True):
        pixels = _large(photo)
        line[0].imshow(pixels)
        line[0].set_title(shown(photo.name), fontsize=_TEXT, parse_math=False)
        line[0].set_ylabel(method, fontsize=_TEXT)
        for axes, file in zip(line[1:], files, strict=True):
            values = displayed(photo.maps[method][file], _display(method))
            large = upsample(scale(values), pixels.shape[:2])
            axes.imshow(blend(pixels, large, _display(method)))
            title = f"{shown(file)}\n{shown(photo.captions[file])}"
            axes.set_title(title, fontsize=_SMALL, parse_math=False)
    tone = float(np.median(np.concatenate([grey(_large(p)).ravel() for p in photos])))
    for k, method in enumerate(methods):
        _bar(figure, method, tone, 1 - (tall - below + k * _GAP) / tall)
    return figure


def _bar(figure: Figure, method: str, tone: float, top: float) -> None:
    """Draw the colours of one method's maps, and what their ends mean, below a height."""
    wide, tall = figure.get_size_inches()
    palette = PALETTES[_display(method)]
    cards = registered()
    low, high = cards[method].ends if method in cards else (palette.low, palette.high)
    left, width = 0.4, min(0.6, 3.0 / wide)
    axes = figure.add_axes((left, top - 2 * _BAR / tall, width, _BAR / tall))
    axes.set_in_layout(False)
    axes.set_axis_off()
    axes.imshow(palette.bar(tone, ALPHA), aspect="auto")
    text: dict[str, Any] = {"fontsize": _SMALL, "va": "top"}
    y = top - 2.4 * _BAR / tall
    figure.text(left - 0.02, top - _BAR / tall, method, fontsize=_TEXT, ha="right", va="top")
    figure.text(left, y, low if palette.lowest < 0 else f"{low} 0", ha="left", **text)
    figure.text(left + width, y, f"{high}: each map's largest", ha="right", **text)
    if palette.lowest < 0:
        figure.text(left + width / 2, y, "0", ha="center", **text)


def _display(method: str) -> str:
    cards = registered()
    return cards[method].display if method in cards else "signed"


def _large(photo: ComparedPhoto) -> NDArray[np.uint8]:
    pixels = photo.pixels
    return enlarged(pixels if pixels.ndim == 3 else pixels[..., None])
