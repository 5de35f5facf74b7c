"""Occlusion's own maps: what the model says while each window is covered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import limit
from onnxplain.render.canvas import LINE, TEXT, Canvas
from onnxplain.render.captions import class_name, percent, score_text
from onnxplain.render.colors import CLASSES, OTHER, POSITIVE, SIGNED
from onnxplain.render.panels import (
    BAR,
    GAP,
    MARGIN,
    PANEL,
    SHARE,
    SPACE,
    TITLE,
    page,
    photo_panel,
    photo_panel_height,
    picture_height,
)
from onnxplain.render.text import broken
from onnxplain.render.values import note, small, value_bar, value_map

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

_BOX = 0.2


def occlusion_maps(explanation: Explanation, labels: Mapping[int, str] | None = None) -> Canvas:
    """Draw score, difference and winning class, if any, for each position of the window.

    Parameters
    ----------
    explanation : Explanation
        Made by occlusion.
    labels : mapping of int to str, optional
        Names of all classes; those in the explanation if not given.

    Returns
    -------
    Canvas
        one cell of a map stands for one position of the window.

    Raises
    ------
    UsageError
        If the explanation has no such maps.
    """
    maps = explanation.maps
    if not {"score", "difference"} <= set(maps):
        raise UsageError(f"{explanation.method} has no maps of windows; occlusion has")
    winners = maps.get("predicted_class")
    legend = [] if winners is None else _legend(winners, labels or explanation.labels)
    notes = [f"uncovered: {score_text(explanation)}", _windows(explanation)]
    if layer := explanation.parameters.get("response_of"):
        notes.insert(0, f"layer {layer}")
    if "computed" in explanation.measures:
        notes.append(f"{percent(explanation.measures['computed'])} computed, others interpolated")
    below = max(
        BAR + 2 * LINE + GAP + LINE * len(small(notes)),
        LINE * (sum(len(_name(name)) for _, name, _ in legend) + 2),
    )
    tall = TITLE + picture_height(explanation) + GAP + below
    panels = 3 if winners is None else 4
    canvas, y = page(panels, max(tall, photo_panel_height(explanation)), explanation)
    places = [MARGIN + k * (PANEL + SPACE) for k in range(panels)]
    photo_panel(canvas, places[0], y, explanation)
    _score(canvas, places[1], y, explanation, notes)
    _difference(canvas, places[2], y, explanation)
    if winners is not None:
        _classes(canvas, places[3], y, winners, explanation, legend)
    return canvas


def _score(canvas: Canvas, x: float, y: float, explanation: Explanation, notes: list[str]) -> None:
    values = explanation.maps["score"]
    low, high = float(values.min()), float(values.max())
    layer = explanation.parameters.get("response_of")
    what = "layer's response" if layer else explanation.target.unit
    y = value_map(canvas, x, y, f"{what} while covered", values, explanation)
    y = value_bar(canvas, x, y, POSITIVE, [f"{low:.3g}", "", f"{high:.3g}"])
    note(canvas, x, y, notes)


def _difference(canvas: Canvas, x: float, y: float, explanation: Explanation) -> None:
    values = explanation.maps["difference"]
    top = limit(values)
    layer = explanation.parameters.get("response_of")
    what = "layer's response" if layer else "score"
    y = value_map(
        canvas,
        x,
        y,
        f"drop of the {what}",
        values,
        explanation,
        SIGNED,
        (-top or -1, top or 1),
    )
    y = value_bar(canvas, x, y, SIGNED, [f"against \u2212{top:.2g}", "0", f"for {top:.2g}"])
    note(canvas, x, y, [f"red: covering this place lowers the {what}"])


def _classes(
    canvas: Canvas,
    x: float,
    y: float,
    values: NDArray[Any],
    explanation: Explanation,
    legend: list[tuple[int, str, float]],
) -> None:
    painted = np.full(values.shape, len(legend), np.int64)
    for k, (index, _, _) in enumerate(legend):
        painted[values == index] = k
    colors = [*CLASSES[: len(legend)], OTHER]
    y = value_map(
        canvas,
        x,
        y,
        "predicted class while covered",
        painted,
        explanation,
        np.array([list(bytes.fromhex(c[1:])) for c in colors]) / 255.0,
        (-0.5, len(legend) + 0.5),
    )
    rest = 1.0 - sum(share for _, _, share in legend)
    named = [(color, name, share) for color, (_, name, share) in zip(colors, legend, strict=False)]
    if rest > 1e-9:
        named.append((OTHER, "other classes", rest))
    for color, name, share in named:
        canvas.fill(x, y + 0.02, 0.12, 0.12, color)
        canvas.text(x + PANEL, y, percent(share), align="right")
        y = canvas.lines(x + _BOX, y, _name(name))
    note(canvas, x, y, ["share of the window's positions"])


def _legend(winners: NDArray[Any], labels: Mapping[int, str]) -> list[tuple[int, str, float]]:
    """Index, name and share of the classes that win most often."""
    found, counts = np.unique(winners, return_counts=True)
    order = np.argsort(-counts, kind="stable")[: len(CLASSES)]
    return [
        (int(found[k]), class_name(labels, int(found[k])), float(counts[k] / winners.size))
        for k in order
    ]


def _name(name: str) -> list[str]:
    return broken([name], PANEL - SHARE - _BOX, TEXT)


def _windows(explanation: Explanation) -> str:
    (height, width), (down, right) = (explanation.parameters[k] for k in ("window", "stride"))
    return f"window {height} x {width} pixels, stride {down} x {right}"
