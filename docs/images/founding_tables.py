"""Tables of ``docs/founding-figures.md``, from what its commands wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import onnxplain
from models.build.packs_drawing import CLASSES, GRASS, SIZE, Pack, draw
from onnxplain.evaluate.protocol import COMPARED
from onnxplain.explanations.display import upsample
from tests.printed_commands import ROOT

# Maps that never look at the model, and what they are.
CONTROLS = {"saturation": "control: saturation of the photo", "centre": "control: the middle"}
COLUMNS = ("map", "mean overlap", "95 % interval", "best", "at threshold",
           "share of the map on what decides")  # fmt: skip
# Drawn packs of each kind, and where a map is called strong.
PACKS, FIRST_PACK, STRONG = 12, 3_500_000, 0.25


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


def covered_packs() -> str:
    """Table of how much of drawn packs the two methods of the lecture show."""
    model = onnxplain.load(ROOT / "models/wolves-vgg.onnx")
    rows = [["pixels with more than a quarter of the map's maximum", "Grad-CAM", "Grad-CAM++"]]
    rows.append(["---"] * 3)
    for label, name in enumerate(CLASSES):
        packs = [drawn_pack(FIRST_PACK + k, label) for k in range(PACKS)]
        shares = [
            np.mean([strong_shares(model, pack, method) for pack in packs], axis=0)
            for method in ("grad-cam", "grad-cam++")
        ]
        kinds = (
            f"of the animals ({PACKS} packs, {name})",
            f"of the ground ({PACKS} packs, {name})",
        )
        rows += [[kind, *(f"{s[k]:.0%}" for s in shares)] for k, kind in enumerate(kinds)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def drawn_pack(seed: int, label: int) -> Pack:
    """Four animals on grass, on which no model was trained."""
    return draw(seed, label, GRASS, animals=4, radius=(10, 14))


def strong_shares(model: onnxplain.Model, pack: Pack, method: str) -> tuple[float, float]:
    """Shares of the animals' pixels and of all others where a map is strong."""
    found = model.explain(pack.image, method, pack.label).attribution
    size = upsample(np.maximum(found, 0.0), (SIZE, SIZE))
    strong = size > STRONG * size.max()
    return float(strong[pack.mask].mean()), float(strong[~pack.mask].mean())


def _short(value: Any, digits: int = 3) -> str:
    """Write a share without its zero."""
    return f"{value:.{digits}f}".removeprefix("0")
