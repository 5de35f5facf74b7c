"""A classifier of small whole numbers, whose every activation NumPy computes to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from adapters.incremental.exact import SIDE, WEIGHTS, convolved
from handmade import model
from PIL import Image

import onnxplain
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model

CLASSES = ("ant", "bee", "cat")
_RNG = np.random.default_rng(4)
DENSE = {
    "w1": _RNG.integers(-2, 3, (5, 6)).astype(np.float32),
    "w2": _RNG.integers(-2, 3, (6, 3)).astype(np.float32),
}
BODY = """
    a = Conv<pads = [1,1,1,1]>(image, k1) b = Relu(a)
    c = Conv<pads = [1,1,1,1], strides = [2,2]>(b, k2) d = Relu(c)
    g = GlobalMaxPool(d) f = Flatten(g) h = MatMul(f, w1) r = Relu(h) scores = MatMul(r, w2)
"""
IMAGE = f"float[N,3,{SIDE},{SIDE}] image"


def proto(body: str = BODY, image: str = IMAGE, **more: np.ndarray):
    """Model file with those of the weights that the body reads."""
    weights = {**WEIGHTS, **DENSE, **more}
    used = {n: v for n, v in weights.items() if f", {n}," in body.replace(")", ",")}
    return model(body, used, image=image)


def opened(body: str = BODY, *, image: str = IMAGE, path: Path | None = None, **options) -> Model:
    """Open it, from a file if a path is given; its pixels are those of the picture."""
    more = {n: options.pop(n) for n in [*options] if isinstance(options[n], np.ndarray)}
    made = proto(body, image, **more)
    if path is not None:
        path.write_bytes(made.SerializeToString())
    named = {"labels": CLASSES} if body == BODY else {}
    given = {"preprocess": "raw", "scores": "logits", "device": "cpu", **named, **options}
    return onnxplain.load(made if path is None else path, **given)


def pixels(seed: int) -> np.ndarray:
    """Dark random pixels, so that all sums stay exact."""
    return np.random.default_rng(seed).integers(0, 16, (SIDE, SIDE, 3)).astype(np.uint8)


def tensors(x: np.ndarray) -> dict[str, np.ndarray]:
    """Activations of inputs, by NumPy."""
    a = convolved(x, WEIGHTS["k1"])
    c = convolved(np.maximum(a, 0), WEIGHTS["k2"], 2)
    h = np.maximum(c, 0).max(axis=(2, 3)) @ DENSE["w1"]
    r = np.maximum(h, 0)
    return {"a": a, "b": np.maximum(a, 0), "d": np.maximum(c, 0), "r": r, "scores": r @ DENSE["w2"]}


def inputs(*seeds: int) -> np.ndarray:
    """Model inputs of those pictures."""
    return np.stack([np.moveaxis(pixels(s), -1, 0) for s in seeds]).astype(np.float32)


def written(folder: Path, count: int, broken: tuple[int, ...] = ()) -> list[Sample]:
    """Write a data set; picture k has seed k and class k modulo three."""
    samples = []
    for k in range(count):
        path = folder / f"{k:02d}.png"
        Image.fromarray(pixels(k)).save(path)
        if k in broken:
            path.write_bytes(b"no picture")
        samples.append(Sample(path.name, path, CLASSES[k % 3]))
    return samples
