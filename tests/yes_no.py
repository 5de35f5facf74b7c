"""A network of one Sigmoid output, and pictures of both sides: stems against petals.

The head is fitted with NumPy on the pooled features of the shipped flower classifier; what
the tests compare with comes from these features as well, not from the package.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from onnxplain.evaluate.flowers import VARIANTS, flower, write_flowers

SOURCE = Path("models/flowers-gap.onnx")
FEATURES = "/15/Flatten_output_0"
NAMES = ("petals", "stem")
_TRAINED, _FIRST = 120, 40_000_000
_HELD_OUT = 41_000_000
_STEPS, _RATE, _DECAY = 400, 0.5, 1e-3


@dataclass(frozen=True)
class YesNo:
    """The file, a folder of pictures by class, and what NumPy says of them.

    Attributes
    ----------
    model : Path
        Input as the flower classifier, one output ``p`` behind a Sigmoid.
    data : Path
        Subfolders ``petals`` (no) and ``stem`` (yes); every fourth picture lies in the wrong
        one, or nothing would tell a right accuracy from one that is always 1.
    logits : dict of str to float
        Of each picture by its name.
    head : ((48,) array, float)
        Weights and bias.
    noise : float
        How far float32 may put a logit off, at most: rounding of each of its terms, which are
        sums over the network's channels themselves.
    """

    model: Path
    data: Path
    logits: dict[str, float]
    head: tuple[NDArray[np.float64], float]
    noise: float

    @property
    def right(self) -> dict[str, bool]:
        """Whether each picture is on the side of its folder."""
        return {n: (z > 0) == n.startswith(NAMES[1]) for n, z in self.logits.items()}

    @property
    def accuracy(self) -> float:
        """Share of the pictures that are."""
        return float(np.mean(list(self.right.values())))


def make_yes_no(folder: Path, count: int = 24) -> YesNo:
    """Fit the head, write the model with its preprocessing, and draw `count` pictures."""
    session = pooled()
    drawn = [flower("double12", _FIRST + k, label=k % 12) for k in range(_TRAINED)]
    features = np.concatenate([features_of(session, f.image) for f in drawn])
    weights, bias = _fitted(features, np.array([f.label >= 6 for f in drawn], float))
    model = folder / "yes-no.onnx"
    onnx.save(_with_head(weights, bias), model)
    shutil.copy(SOURCE.with_name("flowers-gap.preprocess.json"), folder / "yes-no.preprocess.json")
    data = folder / "pictures"
    logits, largest = {}, 0.0
    write_flowers(folder / "drawn", "double12", count, first_seed=_HELD_OUT)
    for k in range(count):
        kind = VARIANTS["double12"][k % 12]
        side = kind.startswith("stem") != (k % 4 == 3)
        name = f"{NAMES[side]}/{k:03d}.png"
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "drawn" / kind / f"{_HELD_OUT + k:06d}.png", data / name)
        pixels = flower("double12", _HELD_OUT + k, label=k % 12).image
        terms = features_of(session, pixels)[0] * weights
        logits[name] = float(terms.sum() + bias)
        largest = max(largest, float(np.abs(terms).sum()))
    noise = len(weights) * float(np.finfo(np.float32).eps) * largest
    return YesNo(model, data, logits, (weights, bias), noise)


def pooled() -> onnxruntime.InferenceSession:
    """Session of the part of the network that the head stands on."""
    proto = onnx.load(SOURCE)
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["N", 48]))
    return onnxruntime.InferenceSession(proto.SerializeToString())


def features_of(
    session: onnxruntime.InferenceSession, pixels: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Pooled features of one picture of the network's size, (1, 48)."""
    x = (pixels.astype(np.float32) / 255 - 0.5) / 0.25
    (found,) = session.run(None, {"image": x.transpose(2, 0, 1)[None]})
    return np.asarray(found, np.float64)


def _fitted(
    features: NDArray[np.float64], yes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Logistic regression by gradient descent on standardised features."""
    mean, spread = features.mean(0), features.std(0) + 1e-6
    rows = (features - mean) / spread
    weights, bias = np.zeros(rows.shape[1]), 0.0
    for _ in range(_STEPS):
        wrong = 1 / (1 + np.exp(-(rows @ weights + bias))) - yes
        weights -= _RATE * (rows.T @ wrong / len(rows) + _DECAY * weights)
        bias -= _RATE * wrong.mean()
    return weights / spread, float(bias - (weights * mean / spread).sum())


def _with_head(weights: NDArray[np.float64], bias: float) -> onnx.ModelProto:
    proto = onnx.load(SOURCE)
    proto.graph.node.pop()
    proto.graph.node.extend(
        [
            helper.make_node("Gemm", [FEATURES, "w", "b"], ["z"]),
            helper.make_node("Sigmoid", ["z"], ["p"]),
        ]
    )
    proto.graph.initializer.extend(
        [
            numpy_helper.from_array(weights.astype(np.float32)[:, None], "w"),
            numpy_helper.from_array(np.array([bias], np.float32), "b"),
        ]
    )
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 1]))
    return proto
