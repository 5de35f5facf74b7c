"""Explanations made by hand, for tests of what is done with them."""

import numpy as np

from onnxplain.explanations.explanation import Explanation
from onnxplain.targets.classes import Target


def made(attribution, axes=("H", "W"), pixels=None, probabilities=(0.2, 0.7, 0.1), **changes):
    """Return an explanation of class 1 of three; `changes` replace its other fields."""
    attribution = np.asarray(attribution, np.float32)
    if pixels is None:
        pixels = np.full((4, 4, 3), 100, np.uint8)
    fields = {
        "method": "gradient-x-input",
        "display": "signed",
        "parameters": {},
        "target": Target(1, "logit", "logits", "none", len(probabilities), None, "cat"),
        "score": 2.5,
        "labels": {0: "dog", 1: "cat", 2: "cow"},
        "layer": None,
        "measures": {},
        "maps": {},
        "notes": {},
        "seconds": 0.25,
        "provenance": {"model": "m.onnx", "input": "x.png", "input_sha256": "0"},
    }
    return Explanation(
        attribution=attribution,
        axes=axes,
        pixels=pixels,
        probabilities=np.asarray(probabilities, np.float32),
        **(fields | changes),
    )
