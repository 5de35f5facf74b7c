"""torchvision's networks with random weights, as PyTorch modules and as ONNX files."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import torch
from torch import nn

from onnxplain.convert.torchvision_guard import import_torchvision

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import_torchvision()

import nets  # noqa: E402
from torchvision import models  # noqa: E402

LITE0 = "efficientnet-lite0"
SHIPPED = ROOT / "models" / f"{LITE0}.onnx"


def make(name: str, side: int) -> tuple[nn.Module | None, onnx.ModelProto]:
    """Return a network whose activations have trained-like sizes, and its file.

    Weights do not change the time, but they decide how far rounding shows. For the shipped
    EfficientNet-Lite0 there is no module.
    """
    if name == LITE0:
        return None, onnx.load(SHIPPED)
    torch.manual_seed(0)
    net = nets.trained_like(models.get_model(name, weights=None), torch.randn(4, 3, side, side))
    return net, nets.export(net, torch.randn(1, 3, side, side), folded=True)
