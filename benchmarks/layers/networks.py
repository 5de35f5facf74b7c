"""The networks of all libraries, ready to be exported."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from benchmarks.conversion.networks import calibrate
from benchmarks.layers import handmade
from benchmarks.layers.torch_families import TIMM, TORCHVISION, Expert

Made = tuple[nn.Module, Expert]


@cache
def made(library: str, name: str) -> Made:
    """Return a calibrated network whose output is its scores, and the expert's layer."""
    torch.manual_seed(0)
    if library == "handmade":
        net, expert = handmade.made(name), handmade.NETWORKS[name][1]
    elif library == "Hugging Face":
        from benchmarks.layers import hugging_face

        net, expert = hugging_face.made(name), hugging_face.NETWORKS[name][1]
        expert = expert._replace(module=f"net.{expert.module}")
    elif library == "timm":
        import timm

        timm.layers.set_fused_attn(False)
        net, expert = timm.create_model(name, exportable=True), TIMM[name]
    else:
        net, expert = _torchvision(name), TORCHVISION[name]
    calibrate(net, expert.side)
    return net.eval(), expert


def _torchvision(name: str) -> nn.Module:
    from torchvision import models

    expert = TORCHVISION[name]
    dense = name.startswith(("deeplab", "fcn", "lraspp"))
    settings: dict[str, object] = {"weights_backbone": None} if dense else {}
    if name.startswith("vit"):
        settings = {"image_size": expert.side}
    if name.startswith(("googlenet", "inception")):
        settings = {"aux_logits": False, "init_weights": False}
    net = models.get_model(name, weights=None, **settings)
    return _Out(net) if dense else net


class _Out(nn.Module):
    """A segmenter that returns its main scores alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.backbone = net.backbone

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)["out"]
