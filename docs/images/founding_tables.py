"""Tables of ``docs/founding-figures.md``, from what its commands wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from onnxplain.evaluate.protocol import COMPARED

# Maps that never look at the model, and what they are.
CONTROLS = {"saturation": "control: saturation of the photo", "centre": "control: the middle"}
COLUMNS = ("map", "mean overlap", "95 % interval", "best", "at threshold",
           "share of the map on what decides")  # fmt: skip


def overlap(measured: Path) -> str:
    """How many pictures were measured, and the table of the poster's result.

    Parameters
    ----------
    measured : path
        ``evaluation.json`` of ``onnxplain features protocol``.

    Returns
    -------
    str
        Markdown: a line, and a row for each map that the poster compares, and for each control.
    """
    found = json.loads(measured.read_text("utf-8"))
    lines = {(entry["measure"], entry["method"]): entry for entry in found["summary"]}
    best = {entry["method"]: entry for entry in found["best_thresholds"]}
    rows = [list(COLUMNS), ["---"] * len(COLUMNS)]
    for method, name in {**COMPARED, **CONTROLS}.items():
        overlap, share = lines["mean-iou", method], lines["energy-in-mask", method]
        interval = f"{_short(overlap['low'])} .. {_short(overlap['high'])}"
        cells = [_short(overlap["mean"]), interval, _short(best[method]["iou"])]
        rows.append([name, *cells, _short(best[method]["threshold"], 2), _short(share["mean"])])
    count = lines["mean-iou", "enriched"]["count"]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{count} flowers that the features were not selected on:\n\n{table}"


def _short(value: Any, digits: int = 3) -> str:
    """Write a share without its zero."""
    return f"{value:.{digits}f}".removeprefix("0")
