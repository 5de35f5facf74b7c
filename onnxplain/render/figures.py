"""A page as a matplotlib figure, for those who go on drawing or want another format."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from onnxplain.render.canvas import Box, Canvas, Cells, Fill, Mark, Text


def figure_of(canvas: Canvas) -> Figure:
    """Draw a page.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    figure = Figure(figsize=(canvas.width, canvas.height), facecolor="white")
    FigureCanvasAgg(figure)
    for item in canvas.items:
        if isinstance(item, (Text, Mark)):
            _write(figure, canvas, item)
            continue
        axes = _axes(figure, canvas, item.box)
        if isinstance(item, Fill):
            axes.set_facecolor(item.color)
            for side in axes.spines.values():
                side.set_visible(item.frame)
        elif isinstance(item, Cells):
            axes.imshow(
                np.asarray(item.values), ListedColormap(item.colors), vmin=item.low,
                vmax=item.high, aspect="auto", interpolation="nearest",
            )  # fmt: skip
        else:
            how = "nearest" if item.blocks else None
            axes.imshow(item.pixels, aspect="auto", interpolation=how)
    return figure


def _axes(figure: Figure, canvas: Canvas, box: Box) -> Axes:
    """Axes without ticks."""
    corner = (box.x / canvas.width, 1 - (box.y + box.height) / canvas.height)
    axes = figure.add_axes((*corner, box.width / canvas.width, box.height / canvas.height))
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def _write(figure: Figure, canvas: Canvas, item: Text | Mark) -> None:
    place = (item.x / canvas.width, 1 - item.y / canvas.height)
    # Names come from files: a dollar sign in one is no formula.
    if isinstance(item, Text):
        figure.text(
            *place, item.text, fontsize=item.size, weight=item.weight, color=item.color,
            ha=item.align, va="top", parse_math=False,
        )  # fmt: skip
    else:
        edge = [withStroke(linewidth=1.5, foreground="black")]
        figure.text(
            *place, item.text, fontsize=item.size, color="white", ha="center", va="center",
            path_effects=edge, parse_math=False,
        )  # fmt: skip
