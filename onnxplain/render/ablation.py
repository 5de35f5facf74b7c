"""Accuracy against the number of silenced filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from onnxplain.evaluate.filter_ablation import FilterAblation


def ablation_figure(found: FilterAblation, name: str) -> Figure:
    """Draw mean class accuracy against the number of silenced filters.

    Parameters
    ----------
    found : FilterAblation
        What was measured.
    name : str
        Name of the model.

    Returns
    -------
    matplotlib.figure.Figure
        With an Agg canvas.
    """
    relevant, random, spread = found.means()
    figure = Figure(figsize=(6.4, 4.4))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.errorbar(
        found.counts, random, yerr=spread, color="0.45", linestyle="--", capsize=3, label="random"
    )
    axes.plot(found.counts, found.least.mean(axis=0), color="0.7", linestyle=":", label="least")
    axes.plot(found.counts, relevant, color="tab:red", marker="o", label="relevant")
    axes.set(xlabel="silenced filters of each class", ylabel="mean class accuracy (mCA)")
    axes.set_title(name, parse_math=False)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(title="filters", frameon=False)
    figure.set_layout_engine("constrained")
    return figure
