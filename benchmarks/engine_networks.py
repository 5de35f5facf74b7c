"""The networks of `benchmarks.engines`: an ONNX file, and the original in PyTorch in two parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import torch
from nets import export
from originals import LITE0, lite0_exactly

from onnxplain.convert.torchvision_guard import import_torchvision

_SIDE = 224


class Split(torch.nn.Module):
    """A network in front of its last feature map and after it, with a module there to hook."""

    def __init__(
        self,
        net: torch.nn.Module,
        body: Callable[[torch.Tensor], torch.Tensor],
        head: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        super().__init__()
        self.net, self.body, self.head = net.eval().requires_grad_(False), body, head
        self.last = torch.nn.Identity()
        for module in net.modules():
            if hasattr(module, "inplace"):
                module.inplace = False  # which hooks cannot follow

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of a batch."""
        maps = self.body(image)
        if not maps.requires_grad:  # weights are frozen: the way back ends here
            maps = maps.detach().requires_grad_(torch.is_grad_enabled())
        return self.head(self.last(maps))

    def spaced(self) -> Split:
        """The same, with the weights in channels-last memory."""
        self.net.to(memory_format=torch.channels_last)
        return self

    def gradient(self, image: torch.Tensor, index: int, *, at_layer: bool = False) -> torch.Tensor:
        """Gradient by plain autograd of pictures in channels-last memory."""
        leaf = image.contiguous(memory_format=torch.channels_last)
        if at_layer:
            leaf = self.body(leaf)
        leaf = leaf.detach().requires_grad_()
        scores = self.head(leaf) if at_layer else self(leaf)
        (found,) = torch.autograd.grad(scores[:, index].sum(), leaf)
        return found


def _lite0(folder: Path) -> tuple[Path, Split]:
    net = lite0_exactly().float()

    def body(x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.relu6(net._bn0(net._conv_stem(x)))
        for block in net._blocks:
            x = block(x)
        return torch.nn.functional.relu6(net._bn1(net._conv_head(x)))

    return LITE0, Split(net, body, lambda maps: net._fc(maps.mean((2, 3))))


def _mobilenet_v2(folder: Path) -> tuple[Path, Split]:
    """Random weights: they change no time."""
    import_torchvision()
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    net = mobilenet_v2(weights=None).eval()
    file = folder / "mobilenet_v2.onnx"
    onnx.save(export(net, torch.rand(1, 3, _SIDE, _SIDE)), file)
    return file, Split(net, net.features, lambda maps: net.classifier(maps.mean((2, 3))))


NETWORKS: Mapping[str, Callable[[Path], tuple[Path, Split]]] = {
    "EfficientNet-Lite0": _lite0,
    "MobileNetV2": _mobilenet_v2,
}
