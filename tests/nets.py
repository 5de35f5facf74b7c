"""The networks of `architectures` with realistic statistics, each exported once per session."""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from architectures import CLASSES as CLASSES
from architectures import NETS, SIDE
from seeded import calibrated, made
from torch import Tensor, nn


@dataclass(frozen=True)
class Exported:
    """A network, its ONNX file and one input in [-1, 1]."""

    net: nn.Module
    proto: onnx.ModelProto
    x: np.ndarray


def image_shape(name: str, batch: int = 1) -> tuple[int, ...]:
    """Shape of a batch of inputs of a network of `NETS`."""
    return (batch, SIDE, SIDE, 3) if name == "tensorflow" else (batch, 3, SIDE, SIDE)


def images(name: str, batch: int = 1, seed: int = 0) -> np.ndarray:
    """Smooth random pictures: neighbouring pixels are alike, as in photos."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (batch, 3, 8, 8))
    fine = np.kron(coarse, np.ones((1, 1, 4, 4))) + rng.uniform(-0.3, 0.3, (batch, 3, SIDE, SIDE))
    fine = np.clip(fine, -1, 1)
    return np.moveaxis(fine, 1, -1) if name == "tensorflow" else fine


def trained_like(net: nn.Module, x: Tensor) -> nn.Module:
    """Give `net` weights and BatchNorm statistics under which its output varies.

    Both are computed in float64 and then rounded: see `seeded`.
    """
    net = net.double()
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0.0, 0.1, generator=generator)
        elif isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.6, 1.4, generator=generator)
            nn.init.normal_(module.bias, 0.1, 0.3, generator=generator)
    return calibrated(net, x)


def export(
    net: nn.Module, x: Tensor, *, opset: int = 17, dynamic: bool = True, folded: bool = False
) -> onnx.ModelProto:
    """Write `net` by the TorchScript exporter; unfolded, BatchNorm stays as it was trained."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation and tracer notes, one page each
        torch.onnx.export(
            net,
            (x,),
            buffer,
            dynamo=False,
            opset_version=opset,
            input_names=["image"],
            output_names=["scores"],
            dynamic_axes={"image": {0: "N"}, "scores": {0: "N"}} if dynamic else None,
            do_constant_folding=folded,
            training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
        )
    return onnx.load_model_from_string(buffer.getvalue())


@functools.cache
def network(name: str) -> nn.Module:
    """Return the network of that name, the same object every time; do not change it."""
    return trained_like(made(NETS[name]), torch.from_numpy(images(name, 16, seed=1)))


@functools.cache
def exported(name: str) -> Exported:
    """Export a network of `NETS`, unfolded, with a free batch."""
    net = network(name)
    x = images(name)
    return Exported(net, export(net, torch.from_numpy(x).float()), x)
