"""What stands under the pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from onnxplain.adapters.parity import TOLERANCE
from onnxplain.methods import known
from onnxplain.render.colors import PALETTES
from onnxplain.targets.classes import ClassScore, Kind

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

_SMALLEST_SHARE = 1e-5
_KINDS: Mapping[Kind, str] = {"logit": "logit", "probability": "probability", "raw": "output"}


def percent(value: float) -> str:
    """Write a share as a percentage of up to three digits."""
    if 0.0 < abs(value) < _SMALLEST_SHARE:
        return f"< {100 * _SMALLEST_SHARE:g} %"
    shown = f"{100 * value:.3g}".replace("-", "\u2212")
    return f"{shown} %"


def score_of(unit: str, value: float) -> str:
    """Write a score; only a share of one is a percentage."""
    if unit in ("probability", "area"):
        # Three digits of what is nearly one would say that it is one.
        return "> 99.9 %" if value < 1 and percent(value) == "100 %" else percent(value)
    return f"{value:.3g}".replace("-", "\u2212")


_MEASURES: Mapping[str, Callable[[float], str]] = {
    "completeness_gap": lambda v: f"completeness gap {percent(v)}",
    "dominance": lambda v: f"{percent(v)} of the dominant response",
    "conservation": lambda v: f"conservation {percent(v)} of the score",
    "computed": lambda v: f"{percent(v)} of the windows computed, others interpolated",
    "samples": lambda v: f"{v:.0f} samples",
    "relative_error": lambda v: (
        "standard error unknown: too few samples"
        if math.isnan(v)
        else f"standard error {percent(v)} of the map's range"
    ),
}


def class_name(labels: Mapping[int, str], index: int) -> str:
    """Display name of a class with its index."""
    name = labels.get(index, "")
    return f"{name} ({index})" if name else f"class {index}"


def score_text(explanation: Explanation) -> str:
    """Say which score was explained, and its value."""
    target = explanation.target
    if not isinstance(target, ClassScore):
        return f"{target.describe()}: {explanation.score:.3g}"
    what = "not " * target.negative + class_name(explanation.labels, target.index)
    if target.contrast is not None:
        what += f" minus {class_name(explanation.labels, target.contrast)}"
    if target.margin:
        what += " minus the largest other"
    if target.others:
        what += " minus the mean of the others"
    return f"{_KINDS[target.kind]} of {what}{target.where}: {explanation.score:.3g}"


def measures_text(explanation: Explanation) -> list[str]:
    """Lines for the numbers that tell how far to trust the map."""
    lines = [
        write(explanation.measures[key])
        for key, write in _MEASURES.items()
        if key in explanation.measures
    ]
    parity = explanation.measures.get("parity_error", 0.0)
    if parity > explanation.measures.get("parity_tolerance", TOLERANCE):
        lines.append(f"not the deployed function: the engines differ by {percent(parity)}")
    return lines


def caption(explanation: Explanation) -> list[str]:
    """Lines under a map: what it says in words, and warnings."""
    return [*explanation.sentences, *(f"warning: {w}" for w in explanation.warnings)]


def figures(explanation: Explanation) -> list[str]:
    """Lines for the figures behind the words: score, layer, measures."""
    lines = [score_text(explanation)]
    if "at" in explanation.notes:
        lines.append(f"explained at tensor {explanation.notes['at']}")
    if explanation.layer is not None:
        height, width = (explanation.attribution.shape[explanation.axes.index(a)] for a in "HW")
        lines.append(f"{height} x {width} at {explanation.layer}")
    return [*lines, *measures_text(explanation)]


def meaning(explanation: Explanation) -> list[str]:
    """Say what is shown and what the numbers mean; nothing for an unknown method."""
    card = known(explanation.method)
    return [] if card is None else [f"shown: {card.shows}", card.meaning]


def ends(explanation: Explanation) -> tuple[str, str]:
    """Words for the low and the high end of the colours."""
    card = known(explanation.method)
    palette = PALETTES[explanation.display]
    if card is None or card.display != explanation.display:
        return palette.low, palette.high
    return card.ends


def heading(explanation: Explanation) -> str:
    """Model and picture, by file name."""
    record = explanation.provenance
    return f"{record.get('model', 'model')}  \u00b7  {PurePath(record.get('input', '')).name}"
