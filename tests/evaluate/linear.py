"""A classifier of one linear layer, whose every score NumPy computes too, and cases of it."""

from __future__ import annotations

import functools

import heads
import numpy as np

import onnxplain
from onnxplain.evaluate.case import Case
from onnxplain.inputs.picture import Picture, made_of
from onnxplain.model.model import Model

SIDE, CLASSES = 8, 4
WEIGHTS = np.random.default_rng(3).normal(size=(3 * SIDE**2, CLASSES)) / 4
BODY = "d = Cast<to=11>(image) f = Flatten(d) z = MatMul(f, w) out = Softmax<axis=1>(z)"
LABELS = ("ant", "bee", "cat", "dog")


@functools.cache
def linear_model() -> Model:
    """Open it: pixels of 0..1 in, float64 inside, probabilities out."""
    made = heads.model(BODY, [f"double[N,{CLASSES}] out"], extra={"w": WEIGHTS}, side=SIDE)
    return onnxplain.load(
        made, preprocess="zero-one", labels=LABELS, device="cpu", precision="double"
    )


def logits(x: np.ndarray) -> np.ndarray:
    """Scores in front of Softmax."""
    return x.reshape(len(x), -1).astype(np.float64) @ WEIGHTS


def probabilities(x: np.ndarray) -> np.ndarray:
    """Scores of all classes."""
    found = np.exp(logits(x))
    return found / found.sum(axis=1, keepdims=True)


def picture(seed: int = 0) -> Picture:
    """Random pixels as the model gets them."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return made_of(pixels, linear_model().preprocess, "array")


def score_of(index: int, kind: str, seen: Picture):
    """Target the score of a class."""
    model = linear_model()
    return model.target(index, model.predict(seen), picture=seen, kind=kind)


def evidence(index: int, seen: Picture) -> np.ndarray:
    """What each pixel adds to a logit, against a black picture."""
    return (WEIGHTS[:, index].reshape(3, SIDE, SIDE) * seen.x[0]).sum(axis=0)


def case(index: int = 1, kind: str = "logit", seed: int = 0, **more: object) -> Case:
    """Make a case whose map is the evidence, unless told otherwise."""
    seen = picture(seed)
    given = {
        "target": score_of(index, kind, seen),
        "heatmap": evidence(index, seen),
        "remap": lambda other: evidence(index, other),
        "mask": None,
        "label": None,
        "seed": 0,
        "method": "gradient-x-input",
    }
    return Case(linear_model(), seen, **{**given, **more})
