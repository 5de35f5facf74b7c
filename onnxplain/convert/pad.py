"""Pad with a constant, the edge, a reflection or the opposite side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.convert.padding import pad_spatial
from onnxplain.graph.view import Node


def _source(mode: str, length: int, before: int, after: int, device: torch.device) -> Tensor:
    """For each position of a padded axis, the position that it is read from."""
    positions = torch.arange(-before, length + after, device=device)
    if mode == "edge":
        return positions.clamp(0, length - 1)
    if mode == "wrap":
        return positions % length
    period = max(2 * (length - 1), 1)
    positions = positions % period
    return torch.where(positions >= length, period - positions, positions)


def pad(node: Node) -> nn.Module:
    """Pad, opset 2 to 25: negative padding crops."""
    mode = node.attributes.get("mode", "constant")
    fixed: Any = node.attributes.get("pads")
    fixed_value = node.attributes.get("value", 0.0)

    def apply(
        x: Tensor,
        pads: Tensor | None = None,
        value: Tensor | None = None,
        axes: Tensor | None = None,
    ) -> Tensor:
        given = fixed if pads is None else integers(pads)
        chosen = range(x.dim()) if axes is None else integers(axes)
        amounts = [0] * 2 * x.dim()
        for i, axis in enumerate(chosen):
            amounts[axis % x.dim()] = given[i]
            amounts[axis % x.dim() + x.dim()] = given[i + len(chosen)]
        if mode == "constant":
            return pad_spatial(x, amounts, fixed_value if value is None else value.item())
        for axis, before in enumerate(amounts[: x.dim()]):
            after = amounts[x.dim() + axis]
            if before or after:
                source = _source(mode, x.shape[axis], before, after, x.device)
                x = x.index_select(axis, source)
        return x

    return Function(apply)


def center_crop_pad(node: Node) -> nn.Module:
    """CenterCropPad: crop or zero-pad around the centre to the given lengths."""
    fixed = node.attributes.get("axes")

    def apply(x: Tensor, shape: Tensor) -> Tensor:
        amounts = [0] * 2 * x.dim()
        axes = range(x.dim()) if fixed is None else fixed
        for axis, wanted in zip(axes, integers(shape), strict=True):
            at, missing = axis % x.dim(), wanted - x.shape[axis]
            # The odd element is cut from, or added to, the end when it is padded.
            before = missing // 2 if missing > 0 else -(-missing // 2)
            amounts[at], amounts[at + x.dim()] = before, missing - before
        return pad_spatial(x, amounts)

    return Function(apply)
