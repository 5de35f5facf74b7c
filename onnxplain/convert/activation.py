"""Activation functions that onnx2torch lacks, or computes differently from the standard."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function
from onnxplain.graph.view import Node

# Above this, log(1 + exp(x)) equals x in float64 too.
_SOFTPLUS_LINEAR = 40.0


def softmax(node: Node) -> nn.Module:
    """Softmax-13: along one axis."""
    axis = node.attributes.get("axis", -1)
    return Function(lambda x: torch.softmax(x, axis))


def log_softmax(node: Node) -> nn.Module:
    """LogSoftmax-13: along one axis."""
    axis = node.attributes.get("axis", -1)
    return Function(lambda x: torch.log_softmax(x, axis))


def _flattened(x: Tensor, axis: int) -> Tensor:
    """Matrix of `x` before opset 13: all axes from `axis` on become one."""
    return x.reshape(*x.shape[: axis % x.dim()], -1)


def softmax_flattened(node: Node) -> nn.Module:
    """Softmax before opset 13: over all axes from ``axis`` on together."""
    axis = node.attributes.get("axis", 1)
    return Function(lambda x: torch.softmax(_flattened(x, axis), -1).reshape(x.shape))


def log_softmax_flattened(node: Node) -> nn.Module:
    """LogSoftmax before opset 13: over all axes from ``axis`` on together."""
    axis = node.attributes.get("axis", 1)
    return Function(lambda x: torch.log_softmax(_flattened(x, axis), -1).reshape(x.shape))


def _one_at_maximum(x: Tensor, axis: int) -> Tensor:
    # The minimum over tied positions is the first one; argmax promises none of them.
    tied = (x == x.amax(axis, keepdim=True)).to(torch.int8)
    first = (tied.cumsum(axis) == 1) & (tied == 1)
    return first.to(x.dtype)


def hardmax(node: Node) -> nn.Module:
    """Hardmax-13: 1 at the first maximum along one axis, 0 elsewhere."""
    axis = node.attributes.get("axis", -1)
    return Function(lambda x: _one_at_maximum(x, axis))


def hardmax_flattened(node: Node) -> nn.Module:
    """Hardmax before opset 13: over all axes from ``axis`` on together."""
    axis = node.attributes.get("axis", 1)
    return Function(lambda x: _one_at_maximum(_flattened(x, axis), -1).reshape(x.shape))


def clip(node: Node) -> nn.Module:
    """Clip: bounds are attributes before opset 11, then optional inputs.

    At a bound the gradient passes, as in `torch.clamp`.
    """
    attributes = node.attributes.get("min"), node.attributes.get("max")

    def clamp(x: Tensor, *operands: Tensor | None) -> Tensor:
        given = (*operands, None, None)[:2]
        bounds: list[Any] = [a if t is None else t for t, a in zip(given, attributes, strict=True)]
        if not any(t is not None and t.requires_grad for t in given):
            # With bounds in tensors PyTorch takes several times as long.
            bounds = [b.item() if isinstance(b, Tensor) else b for b in bounds]
        else:
            bounds = [b.reshape(()) if isinstance(b, Tensor) else b for b in bounds]
        return x if bounds == [None, None] else torch.clamp(x, *bounds)

    return Function(clamp)


def gelu(node: Node) -> nn.Module:
    """Gelu: exact, or the tanh approximation."""
    approximate = node.attributes.get("approximate", "none")
    return Function(lambda x: functional.gelu(x, approximate=approximate))


def prelu(node: Node) -> nn.Module:
    """PRelu: the slope broadcasts towards the last axis, as in ``numpy``."""
    return Function(lambda x, slope: torch.where(x < 0, x * slope, x))


def selu(node: Node) -> nn.Module:
    """Selu with any ``alpha`` and ``gamma``."""
    alpha = node.attributes.get("alpha", 1.67326319217681884765625)
    gamma = node.attributes.get("gamma", 1.05070102214813232421875)
    return Function(lambda x: gamma * functional.elu(x, alpha))


def smooth_relu(x: Tensor) -> Tensor:
    """Return ``log(1 + exp(x))``."""
    return functional.softplus(x, threshold=_SOFTPLUS_LINEAR)


def softplus(node: Node) -> nn.Module:
    """Softplus: ``log(1 + exp(x))``."""
    return Function(smooth_relu)


def swish(node: Node) -> nn.Module:
    """Swish: ``x * sigmoid(alpha * x)``."""
    alpha = node.attributes.get("alpha", 1.0)
    return Function(lambda x: x * torch.sigmoid(alpha * x))


def swiglu(node: Node) -> nn.Module:
    """SwiGLU: Swish of the first input, times the second."""
    alpha = node.attributes.get("alpha", 1.0)
    return Function(lambda gate, x: gate * torch.sigmoid(alpha * gate) * x)


def mish(node: Node) -> nn.Module:
    """Mish: ``x * tanh(softplus(x))``."""
    return Function(lambda x: x * torch.tanh(functional.softplus(x, threshold=_SOFTPLUS_LINEAR)))


def thresholded_relu(node: Node) -> nn.Module:
    """ThresholdedRelu: ``x`` above ``alpha``, else 0."""
    alpha = node.attributes.get("alpha", 1.0)
    return Function(lambda x: torch.where(x > alpha, x, torch.zeros_like(x)))


def shrink(node: Node) -> nn.Module:
    """Shrink: values within ``lambd`` of zero become 0, the others move by ``bias``."""
    bias, bound = node.attributes.get("bias", 0.0), node.attributes.get("lambd", 0.5)

    def shift(x: Tensor) -> Tensor:
        moved = torch.where(x < -bound, x + bias, torch.where(x > bound, x - bias, 0))
        return moved.to(x.dtype)

    return Function(shift)
