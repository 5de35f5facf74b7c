"""Curves of an evaluation, one panel for each measure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from onnxplain.render.axes import axes_of

if TYPE_CHECKING:
    from onnxplain.evaluate.evaluation import MeanCurve

_WIDTH, _HEIGHT = 5.2, 3.8
_GREYS = ("0.25", "0.45", "0.6", "0.75")
_DASHES = ("--", ":", "-.", (0, (1, 3)))


def curves_figure(curves: Sequence[MeanCurve], controls: Collection[str], unit: str) -> Figure:
    """Draw curves averaged over the pictures; controls are grey and broken.

    Parameters
    ----------
    curves : sequence of MeanCurve
        See `Evaluation.curves`.
    controls : collection of str
        Which of the methods never look at the model.
    unit : str
        What the explained numbers are.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    measures = list(dict.fromkeys(c.measure for c in curves))
    methods = list(dict.fromkeys(c.method for c in curves))
    styles = _styles(methods, controls)
    figure = Figure(figsize=(_WIDTH * len(measures), _HEIGHT + 0.22 * len(methods)))
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        for curve in (c for c in curves if c.measure == measure):
            axes.plot(curve.shares, curve.scores, label=curve.method, **styles[curve.method])
        # Values and logits may be negative.
        bottom = min(0.0, *(c.scores.min() for c in curves if c.measure == measure))
        across, up = axes_of(measure, unit)
        axes.set(title=measure, xlabel=across, ylabel=up, xlim=(0, 1), ylim=(bottom or 0, None))
        axes.grid(alpha=0.25)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    # Controls are not in every panel.
    shown = {
        label: line
        for axes in panels
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = min(2 + len(measures), 4, len(methods))
    figure.legend([shown[m] for m in methods], methods, loc="outside lower center", ncols=columns)
    figure.set_layout_engine("constrained")
    return figure


def _styles(methods: Sequence[str], controls: Collection[str]) -> dict[str, dict[str, object]]:
    colours = mpl.color_sequences["tab10" if len(methods) <= 14 else "tab20"]
    styles: dict[str, dict[str, object]] = {}
    for method in methods:
        grey = method in controls
        number = sum((m in controls) == grey for m in styles)
        if grey:
            style = number % len(_GREYS)
            styles[method] = {"color": _GREYS[style], "linestyle": _DASHES[style], "linewidth": 1.3}
        else:
            styles[method] = {"color": colours[number % len(colours)], "linewidth": 1.8}
    return styles
