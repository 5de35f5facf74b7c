"""Store what pytorch-grad-cam says about the test networks and the cat.

Its dependencies do not install cleanly beside every PyTorch, so its numbers are stored::

    pip install --no-deps grad-cam==1.5.7 ttach==0.0.3 opencv-python-headless
    PYTHONPATH=.:tests python tests/oracles/make_grad_cam.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from originals import pair
from torch import Tensor, nn
from torchvision_nets import NETS as TORCHVISION
from torchvision_nets import made

from onnxplain.convert.torchvision_guard import import_torchvision

import_torchvision()  # pytorch-grad-cam imports torchvision, which may not fit this torch

from pytorch_grad_cam import (  # noqa: E402
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    HiResCAM,
    LayerCAM,
    XGradCAM,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

FILE = Path(__file__).with_name("grad_cam.json")
LAYERS = {
    "vgg": lambda net: net.features[8],
    "resnet": lambda net: net.layer2.relu2,
    "mobilenet": lambda net: net.features[7],
    "lite0": lambda net: net.last,
    "vit": lambda net: net.blocks[1].norm1,
    "tensorflow": lambda net: net.last,
    "resnet18": lambda net: net.layer4,
    "mobilenet_v2": lambda net: net.features[18],
    "swin": lambda net: net.norm,
}
TARGET = dict.fromkeys(LAYERS, 3) | {"lite0": 282}


class WithLast(nn.Module):
    """EfficientNet-Lite0 with a module at its last activation, to hook."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.last = net, nn.ReLU6()

    def forward(self, image: Tensor) -> Tensor:
        net = self.net
        x = nn.functional.relu6(net._bn0(net._conv_stem(image)))
        for block in net._blocks:
            x = block(x)
        x = self.last(net._bn1(net._conv_head(x)))
        return net._fc(x.mean((2, 3)))


class WithoutSoftmax(nn.Module):
    """The network of channels last, up to its logits, with a module to hook."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.last = net, nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        net = self.net
        x = net.conv1(image.permute(0, 3, 1, 2)).relu()
        x = self.last(net.conv2(x).permute(0, 2, 3, 1))
        return net.dense(x.mean((1, 2)))


def channels_first(maps: Tensor) -> Tensor:
    """(N, H, W, C) to (N, C, H, W)."""
    return maps.permute(0, 3, 1, 2)


def patches(tokens: Tensor) -> Tensor:
    """Tokens behind the class token, as a grid of 4 x 4."""
    return channels_first(tokens[:, 1:].reshape(len(tokens), 4, 4, -1))


RESHAPE = {"vit": patches, "tensorflow": channels_first, "swin": channels_first}
WRAPPED = {"lite0": WithLast, "tensorflow": WithoutSoftmax}
METHODS = {
    "grad-cam": GradCAM,
    "grad-cam++": GradCAMPlusPlus,
    "hirescam": HiResCAM,
    "xgrad-cam": XGradCAM,
    "layercam": LayerCAM,
    "eigen-cam": EigenCAM,
}


def raw_map(name: str, method: type[GradCAM]) -> list[list[float]]:
    """Return the weighted sum of maps, before ReLU, scaling and resizing."""
    kept = []

    class Keeping(method):
        def get_cam_image(self, *arguments: object, **options: object) -> np.ndarray:
            kept.append(super().get_cam_image(*arguments, **options))
            return kept[-1]

    if name in TORCHVISION:
        net, _, x = made(name)
    else:
        net, x = pair(name).net, pair(name).x
        net = WRAPPED[name](net) if name in WRAPPED else net
    options = {"reshape_transform": RESHAPE.get(name)}
    with Keeping(model=net, target_layers=[LAYERS[name](net)], **options) as cam:
        image = torch.from_numpy(x).double()
        cam(input_tensor=image, targets=[ClassifierOutputTarget(TARGET[name])])
    return np.asarray(kept[0])[0].tolist()


if __name__ == "__main__":
    record = {
        "made_by": "PYTHONPATH=.:tests python tests/oracles/make_grad_cam.py",
        "versions": {p: version(p) for p in ("grad-cam", "torch", "numpy")},
        "targets": TARGET,
        "maps": {
            name: {method: raw_map(name, kind) for method, kind in METHODS.items()}
            for name in LAYERS
        },
    }
    FILE.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
