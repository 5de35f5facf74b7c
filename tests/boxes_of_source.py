"""Boxes of one scene as the product explains them, beside their numbers in PyTorch, in float64."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from originals import exactly
from scenes_source import ROOT, source
from torch import Tensor, nn

import onnxplain
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.request import TargetRequest

EXAMPLE = ROOT / "examples/scenes/scene-1000000.png"
# Two boxes of the second scale.
BOXES = ("1", "3")
SCALE, BEFORE = 1, 144
# Float64 after another order of sums.
TIGHT = 1e-9


@functools.cache
def model() -> onnxplain.Model:
    """The detector, all of it in PyTorch and float64."""
    path = ROOT / "models/scenes-detector.onnx"
    return exactly(onnxplain.load(path, precision="double", device="cpu"))


@functools.cache
def aim(number: str, part: str = "class") -> BoxNumber:
    """A number of a box, by its number in the table."""
    asked = TargetRequest(box=model().request(number).box, part=part)
    (found,) = model().resolve(model().read(EXAMPLE), [asked])
    return found


def explain(method: str, number: str, part: str = "class", **options: Any) -> Any:
    """Explain a number of a box by a method of the product."""
    return model().explain(EXAMPLE, method, aim(number, part), **options)


def picture() -> Tensor:
    """The scene as the network takes it."""
    return torch.from_numpy(model().read(EXAMPLE).x.astype(np.float64))


def number_of(x: Tensor, number: str, part: str = "class") -> Tensor:
    """Number of a box, (N,): the logit in front of the Sigmoid, a score or a side."""
    of = aim(number, part)
    if part == "class":
        return source().detector(x)[1][:, of.label, of.row]
    raw = source()(x)[:, :, of.row]
    centre_x, centre_y, width, height = raw[:, :4].unbind(1)
    found = {
        "score": raw[:, 4 + of.label], "x": centre_x, "y": centre_y, "width": width,
        "height": height, "left": centre_x - width / 2, "right": centre_x + width / 2,
        "top": centre_y - height / 2, "bottom": centre_y + height / 2,
    }  # fmt: skip
    return found[part]


def maps_at(
    module: nn.Module, number: str, part: str = "class", *, taken: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Maps that a module gives (or takes) and the slopes of a number there, both (C, h, w)."""
    kept: list[Tensor] = []
    hook = module.register_forward_hook(lambda _, x, y: kept.append(x[0] if taken else y))
    score = number_of(picture().requires_grad_(), number, part).sum()
    hook.remove()
    (slopes,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach().numpy()[0], slopes.numpy()[0]
