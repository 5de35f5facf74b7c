"""The shipped detectors of scenes as the PyTorch modules that they were exported from."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from models.build.detector_network import Detector, Exported
from models.build.scenes import CLASSES, SIDE

ROOT = Path(__file__).parents[1]


def source(stem: str = "scenes-detector") -> Exported:
    """Return the network in float64 with the weights of a file, whose BatchNorms are folded."""
    return _source(stem)


@functools.cache
def _source(stem: str) -> Exported:
    detector = Detector(len(CLASSES), SIDE)
    for module in list(detector.modules()):
        if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.SiLU):
            old = module[0]
            places = (old.kernel_size, old.stride, old.padding)
            module[0] = nn.Conv2d(old.in_channels, old.out_channels, *places)
            module[1] = nn.Identity()
    ran: list[nn.Conv2d] = []
    hooks = [
        m.register_forward_pre_hook(lambda m, _: ran.append(m))
        for m in detector.modules()
        if isinstance(m, nn.Conv2d)
    ]
    net = Exported(detector, SIDE).eval()
    net(torch.zeros(1, 3, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    graph = onnx.load(ROOT / f"models/{stem}.onnx").graph
    weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    # The mean over bins is a convolution without a bias in the file, and no module here.
    nodes = [n for n in graph.node if n.op_type == "Conv" and len(n.input) == 3]
    with torch.no_grad():
        for module, node in zip(ran, nodes, strict=True):
            for parameter, name in zip((module.weight, module.bias), node.input[1:], strict=True):
                parameter.copy_(torch.from_numpy(np.array(weights[name])))
    return net.double()


def outputs(x: np.ndarray, stem: str = "scenes-detector") -> np.ndarray:
    """Return raw outputs (N, 4 + K, P) of pictures (N, 3, S, S), in float64."""
    with torch.no_grad():
        return source(stem)(torch.from_numpy(np.asarray(x, np.float64))).numpy()
