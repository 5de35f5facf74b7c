"""A sampled map beside its standard error: what of it is more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.display import reduce_channels
from onnxplain.render.canvas import LINE, Canvas
from onnxplain.render.captions import measures_text, percent
from onnxplain.render.colors import POSITIVE, SIGNED
from onnxplain.render.panels import (
    BAR,
    GAP,
    MARGIN,
    PANEL,
    SPACE,
    TITLE,
    map_panel,
    map_panel_height,
    page,
    picture_height,
)
from onnxplain.render.values import note, small, value_bar, value_map

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

# Beyond so many standard errors the colours do not change any more.
_FAR = 4.0
# Noise alone is beyond so many in one place of twenty.
_CHANCE = 2.0


def error_maps(explanation: Explanation, labels: Mapping[int, str] | None = None) -> Canvas:
    """Draw the map, its standard error, and the map in units of it.

    Parameters
    ----------
    explanation : Explanation
        Made by a method that draws samples.
    labels : mapping of int to str, optional
        Not needed here.

    Returns
    -------
    Canvas
        White places were sampled too rarely to know their error.

    Raises
    ------
    UsageError
        If the explanation has no standard error.
    """
    if "standard_error" not in explanation.maps:
        raise UsageError(f"{explanation.method} does not sample; its map has no standard error")
    errors = explanation.maps["standard_error"]
    shown = reduce_channels(explanation.attribution, explanation.axes)
    known = errors[np.isfinite(errors)]
    top = float(known.max()) if known.size else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # A map without any error is certain: nothing is divided there.
        units = np.where(errors > 0, shown / errors, np.nan)
    sampled = [*measures_text(explanation), *_end(explanation)]
    notes = _notes(units) if top else ["no sampling error"]
    below = BAR + 2 * LINE + GAP + LINE * max(len(small(sampled)), len(small(notes)))
    tall = TITLE + picture_height(explanation) + GAP + below
    canvas, y = page(3, max(tall, map_panel_height(explanation)), explanation)
    first, second, third = (MARGIN + k * (PANEL + SPACE) for k in range(3))
    map_panel(canvas, first, y, explanation)
    bottom = value_map(canvas, second, y, "standard error", errors, explanation, ends=(0, top or 1))
    bottom = value_bar(canvas, second, bottom, POSITIVE, ["0", "", f"{top:.2g}"])
    note(canvas, second, bottom, sampled)
    title = "map in standard errors"
    bottom = value_map(canvas, third, y, title, units, explanation, SIGNED, (-_FAR, _FAR))
    ends = [f"\u2264 \u2212{_FAR:g}", "0", f"\u2265 {_FAR:g}"]
    bottom = value_bar(canvas, third, bottom, SIGNED, ends)
    note(canvas, third, bottom, notes)
    return canvas


def _notes(units: NDArray[Any]) -> list[str]:
    share = np.mean(np.abs(np.nan_to_num(units)) > _CHANCE)
    lines = [f"{percent(float(share))} of the map is beyond \u00b1{_CHANCE:g}: unlikely by chance"]
    unknown = np.isnan(units).any()
    return [*lines, *(["white: too few samples to know the error"] if unknown else [])]


def _end(explanation: Explanation) -> list[str]:
    ends = {"time": "stopped by the time limit", "settled": "stopped when the map had settled"}
    return [ends[e] for e in explanation.notes.get("sampling_ended", ()) if e in ends]
