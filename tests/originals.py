"""A network as PyTorch module in float64, beside its ONNX file opened by onnxplain."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from pathlib import Path

import nets
import numpy as np
from handmade import PyTorchOnly, declared_scores
from torch import nn

import onnxplain
from models.build.lite0 import load_exported

ROOT = Path(__file__).parents[1]
LITE0 = ROOT / "models/efficientnet-lite0.onnx"
CAT = ROOT / "examples/photos/chelsea.png"


@dataclass(frozen=True)
class Pair:
    """`double` computes everything in float64; `single` as users get it."""

    net: nn.Module
    double: onnxplain.Model
    single: onnxplain.Model
    x: np.ndarray


@functools.cache
def pair(name: str) -> Pair:
    """Return a network of `nets.NETS`, or ``"lite0"`` with the photo of a cat."""
    if name == "lite0":
        double = exactly(onnxplain.load(LITE0, precision="double", scores="logits"))
        single = onnxplain.load(LITE0, scores="logits")
        return Pair(lite0_exactly(), double, single, single.read(CAT).x)
    made = nets.exported(name)
    options = {"preprocess": "minus-one-one", **declared_scores(made.proto)}
    double = exactly(onnxplain.load(made.proto, precision="double", **options))
    single = onnxplain.load(made.proto, **options)
    return Pair(copy.deepcopy(made.net).double(), double, single, made.x.astype(np.float32))


def exactly(model: onnxplain.Model) -> onnxplain.Model:
    """Let methods that only need forward passes take them from PyTorch, in its precision."""
    model.network.__class__ = PyTorchOnly
    return model


def lite0_exactly() -> nn.Module:
    """EfficientNet-Lite0 in float64 with the very weights of the shipped file.

    The builder lets BatchNorm stand in for the bias and makes up for its epsilon in float32; here
    the epsilon goes, so that no ReLU6 flips by rounding.
    """
    net = load_exported(LITE0).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
            module.weight.data.fill_(1.0)
    return net.eval()


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference as a share of the largest value of `theirs`, which is not zero."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
