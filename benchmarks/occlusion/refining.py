"""Refined maps against full ones."""

from __future__ import annotations

import numpy as np

import onnxplain
from benchmarks.occlusion.networks import ROOT, SHIPPED

REFINED = (2, 4, 8)


def refined() -> list[list[str]]:
    """How much of a full map refining computes, and how far it is off: a row for each step."""
    model = onnxplain.load(SHIPPED, device="cpu")
    rows = []
    for photo in ("chelsea.png", "coffee.png"):
        picture = ROOT / "examples/photos" / photo
        settings = {"window": 32, "stride": 8, "fill_with": "mean"}
        full = model.explain(picture, "occlusion", **settings)
        span = float(np.ptp(full.maps["score"]))
        for step in REFINED:
            rough = model.explain(picture, "occlusion", refine=step, **settings)
            error = np.abs(rough.maps["score"] - full.maps["score"]) / span
            shares = (rough.measures["computed"], error.mean(), error.max())
            gain = f"{full.seconds / rough.seconds:.1f}"
            rows.append([f"{photo}, {step}", *(f"{share:.1%}" for share in shares), gain])
    return rows
