"""Photos on which files differ: the same place of the photo, one column for each file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from onnxplain.explanations.display import limit
from onnxplain.methods import registered
from onnxplain.text import shown

_CELL, _HEAD, _FOOT = 2.3, 0.75, 0.45
_COLOURS = "RdBu_r"


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
    """Draw each photo and method as a row: the photo, then each file's map.

    Every map has its own colour range, from minus to plus its largest magnitude: files of
    other arithmetic have scores of other size.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    files = list(photos[0].captions)
    rows = [(photo, method) for photo in photos for method in photo.maps]
    columns = len(files) + 1
    figure = Figure(figsize=(_CELL * columns, _CELL * len(rows) + _HEAD + _FOOT))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for axes in panels.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    for line, (photo, method) in zip(panels, rows, strict=True):
        line[0].imshow(photo.pixels, cmap="gray", aspect="equal")
        line[0].set_title(shown(photo.name), fontsize=9, parse_math=False)
        line[0].set_ylabel(method, fontsize=9)
        height, width = photo.pixels.shape[:2]
        for axes, file in zip(line[1:], files, strict=True):
            heatmap = photo.maps[method][file]
            top = limit(heatmap) or 1.0
            axes.imshow(
                heatmap,
                cmap=_COLOURS,
                vmin=-top,
                vmax=top,
                extent=(0, width, height, 0),
                aspect="equal",
            )
            axes.set_title(
                f"{shown(file)}\n{shown(photo.captions[file])}", fontsize=8, parse_math=False
            )
    figure.supxlabel("\n".join(_legend(dict.fromkeys(method for _, method in rows))), fontsize=9)
    return figure


def _legend(methods: Iterable[str]) -> list[str]:
    """Say what red means, method by method where it is not evidence for the class."""
    cards = registered()
    lines = ["red speaks for the class, blue against it"]
    for name in methods:
        high = cards[name].ends[1] if name in cards else "for"
        if high != "for":
            lines.append(f"{name}: red is {high!r}, blue the opposite")
    return lines
