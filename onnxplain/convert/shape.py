"""Operators that move values without changing them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node


def reshape(node: Node) -> nn.Module:
    """Reshape: 0 copies the input's length, unless ``allowzero`` is set."""
    allow_zero = bool(node.attributes.get("allowzero", 0))

    def apply(x: Tensor, shape: Tensor) -> Tensor:
        lengths = integers(shape)
        if not allow_zero:
            lengths = [x.shape[i] if n == 0 else n for i, n in enumerate(lengths)]
        return x.reshape(lengths)

    return Function(apply)


def flatten(node: Node) -> nn.Module:
    """Flatten to a matrix: axes before ``axis``, axes from it on."""
    axis = node.attributes.get("axis", 1)

    def apply(x: Tensor) -> Tensor:
        split = axis + x.dim() if axis < 0 else axis
        return x.reshape(math.prod(x.shape[:split]), math.prod(x.shape[split:]))

    return Function(apply)


def transpose(node: Node) -> nn.Module:
    """Transpose: reverses all axes unless ``perm`` is given."""
    order = node.attributes.get("perm")
    return Function(lambda x: x.permute(order or tuple(reversed(range(x.dim())))))


def squeeze(node: Node) -> nn.Module:
    """Squeeze the given axes of length 1, or all of them."""
    fixed = node.attributes.get("axes")

    def apply(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = fixed if axes is None else integers(axes)
        return x.squeeze() if chosen is None else x.squeeze(tuple(chosen))

    return Function(apply)


def unsqueeze(node: Node) -> nn.Module:
    """Unsqueeze: the axes count in the result, whatever their order."""
    fixed: Any = node.attributes.get("axes")

    def apply(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = fixed if axes is None else integers(axes)
        rank = x.dim() + len(chosen)
        for axis in sorted(a % rank for a in chosen):
            x = x.unsqueeze(axis)
        return x

    return Function(apply)


def expand(node: Node) -> nn.Module:
    """Expand by broadcasting in both directions."""

    def apply(x: Tensor, shape: Tensor) -> Tensor:
        return x.expand(torch.broadcast_shapes(x.shape, tuple(integers(shape))))

    return Function(apply)


def tile(node: Node) -> nn.Module:
    """Tile: repeat each axis."""
    return Function(lambda x, repeats: x.repeat(integers(repeats)))


def split(node: Node) -> nn.Module:
    """Split along one axis: given lengths, or equal ones with a smaller last one."""
    axis, fixed = node.attributes.get("axis", 0), node.attributes.get("split")
    count = len(node.outputs)

    def apply(x: Tensor, lengths: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        parts = fixed if lengths is None else integers(lengths)
        if parts is None:
            length, total = -(-x.shape[axis] // count), x.shape[axis]
            parts = [max(0, min(length, total - i * length)) for i in range(count)]
        pieces = torch.split(x, parts, axis)
        return pieces if count > 1 else pieces[0]

    return Function(apply)


def shape(node: Node) -> nn.Module:
    """Shape, or the part of it between ``start`` and ``end``."""
    part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
    return Function(lambda x: torch.tensor(list(x.shape[part]), dtype=torch.int64, device=x.device))


def size(node: Node) -> nn.Module:
    """Size: number of elements."""
    return Function(lambda x: torch.tensor(x.numel(), device=x.device))


def depth_to_space(node: Node) -> nn.Module:
    """DepthToSpace: blocks are the outer (DCR) or the inner (CRD) part of the channels."""
    block, inner = node.attributes["blocksize"], node.attributes.get("mode", "DCR") == "CRD"

    def apply(x: Tensor) -> Tensor:
        if inner:
            return functional.pixel_shuffle(x, block)
        n, c, h, w = x.shape
        y = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
        return y.reshape(n, c // block**2, h * block, w * block)

    return Function(apply)


def space_to_depth(node: Node) -> nn.Module:
    """SpaceToDepth: the position in the block becomes the outer part of the channels."""
    block, inner = node.attributes["blocksize"], node.attributes.get("mode", "DCR") == "CRD"

    def apply(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        order = (0, 1, 3, 5, 2, 4) if inner else (0, 3, 5, 1, 2, 4)
        y = x.reshape(n, c, h // block, block, w // block, block).permute(order)
        return y.reshape(n, c * block**2, h // block, w // block)

    return Function(apply)


def identity(node: Node) -> nn.Module:
    """Identity."""
    return Function(lambda x: x)


def _no_dropout(node: Node, mask: Callable[[Tensor], Tensor]) -> nn.Module:
    outputs = len(node.outputs)

    def apply(x: Tensor, _: Tensor | None = None, training: Tensor | None = None) -> Any:
        if training is not None and training:
            raise ValueError("dropout in training mode")
        return x if outputs == 1 else (x, mask(x))

    return Function(apply)


def dropout(node: Node) -> nn.Module:
    """Dropout at inference: nothing is dropped, the mask is all true."""
    return _no_dropout(node, lambda x: torch.ones_like(x, dtype=torch.bool))


def dropout_10(node: Node) -> nn.Module:
    """Dropout-10 at inference; ONNX Runtime leaves the mask false there."""
    return _no_dropout(node, lambda x: torch.zeros_like(x, dtype=torch.bool))


def dropout_7(node: Node) -> nn.Module:
    """Dropout-7 at inference; ONNX Runtime leaves the mask 0 there."""
    return _no_dropout(node, torch.zeros_like)
