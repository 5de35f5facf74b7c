"""The networks: shipped ones, torchvision's with random weights, and small wide ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import onnx
import torch
from torch import nn

from onnxplain.convert.torchvision_guard import import_torchvision

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import nets  # noqa: E402

SHIPPED = ("efficientnet-lite0", "efficientnet-lite0-int8", "flowers-gap", "fashion-cnn")
TORCHVISION = (
    "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5",
    "squeezenet1_1", "mnasnet0_5", "regnet_y_400mf", "efficientnet_b0", "densenet121", "googlenet",
)  # fmt: skip
_SIDE = 224


def _block(channels: int, out: int, stride: tuple[int, int]) -> nn.Sequential:
    """A depthwise and a pointwise convolution, as in recognisers for telephones."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.Hardswish(),
        nn.Conv2d(channels, out, 1, bias=False),
        nn.BatchNorm2d(out),
        nn.Hardswish(),
    )


def _wide(blocks: int, width: int) -> nn.Module:
    """Convolutions that halve the height and keep the length, as recognisers of lines of text."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 2, 1), nn.Hardswish()]
    channels = width
    for k in range(blocks):
        out = channels * 2 if k % 2 else channels
        layers.append(_block(channels, out, (2 if k % 2 else 1, 1)))
        channels = out
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 100)]
    return nn.Sequential(*layers, *pooled)


WIDE: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "text-line-6": (partial(_wide, 6, 16), (48, 320)),
    "text-line-4": (partial(_wide, 4, 8), (32, 400)),
    "signature-3": (partial(_wide, 3, 8), (24, 192)),
}
NETWORKS = (*SHIPPED, *TORCHVISION, *WIDE)


def file_of(name: str, folder: Path) -> Path:
    """Return the ONNX file of a network; one that is not shipped is made, if it is not there."""
    if name in SHIPPED:
        return ROOT / f"models/{name}.onnx"
    file = folder / f"{name.replace(' ', '-')}.onnx"
    if not file.exists():
        torch.manual_seed(0)
        if name in WIDE:
            make, size = WIDE[name]
            net = make()
        else:
            import_torchvision()
            from torchvision import models

            more = {"init_weights": False} if name == "googlenet" else {}
            net, size = models.get_model(name, weights=None, **more), (_SIDE, _SIDE)
        net = nets.trained_like(net.eval(), torch.randn(2, 3, *size))
        onnx.save(nets.export(net.eval(), torch.randn(1, 3, *size), folded=True), file)
    return file
