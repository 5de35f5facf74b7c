"""Small files whose answers are no probabilities, and a folder of pictures for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from graphs import weights
from handmade import model
from PIL import Image

SIDE = 12
_BODY = (
    "c = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(image, w1) r = Relu(c) "
    "m = GlobalAveragePool(r) f = Flatten(m) "
)
_IMAGE = f"float[N,3,{SIDE},{SIDE}] image"


def values(count: int, name: str = "age") -> onnx.ModelProto:
    """Numbers: a convolution, its mean, and a product."""
    return _made(_BODY + f"{name} = MatMul(f, w2)", f"float[N,{count}] {name}", _head(count))


def embedding(length: int = 5, seed: int = 2) -> onnx.ModelProto:
    """A vector of length one."""
    body = _BODY + "v = MatMul(f, w2) embedding = LpNormalization<axis = 1>(v)"
    return _made(body, f"float[N,{length}] embedding", _head(length, seed))


def logits(count: int = 3) -> onnx.ModelProto:
    """Class scores that nothing makes probabilities."""
    return _made(_BODY + "logits = MatMul(f, w2)", f"float[N,{count}] logits", _head(count))


def dense(bias: tuple[float, ...] = (0.0, 0.0, -1e3), *, softmax: bool = True) -> onnx.ModelProto:
    """Classes at each of 6 x 6 places; the last one wins nowhere."""
    end = "scores = Softmax<axis = 1>(d)" if softmax else "scores = Identity(d)"
    body = (
        "c = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(image, w1) r = Relu(c) "
        f"d = Conv(r, w2, b) {end}"
    )
    kernels = {"w2": weights(3, 6, 1, 1, seed=2), "b": np.array(bias, np.float32)}
    return _made(body, f"float[N,3,{SIDE // 2},{SIDE // 2}] scores", kernels)


def pictures(folder: Path, count: int = 4, *, classes: tuple[str, ...] = ()) -> Path:
    """Draw random pictures, in subfolders of `classes` in turn if there are any."""
    rng = np.random.default_rng(0)
    for k in range(count):
        path = folder / (classes[k % len(classes)] if classes else "") / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(path)
    return folder


def saved(proto: onnx.ModelProto, path: Path) -> Path:
    """Write a file and return its path."""
    onnx.save(proto, path)
    return path


def _head(count: int, seed: int = 2) -> dict[str, np.ndarray]:
    return {"w2": weights(6, count, seed=seed)}


def _made(body: str, output: str, more: dict[str, np.ndarray]) -> onnx.ModelProto:
    return model(body, {"w1": weights(6, 3, 3, 3, seed=1), **more}, image=_IMAGE, output=output)
