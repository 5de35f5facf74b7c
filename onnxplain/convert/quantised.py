"""Quantised operators with straight-through rounding.

A quantised tensor is carried as floating-point numbers that hold the integer values, so
that gradients reach through it: rounding passes them unchanged, saturation stops them.
The type of the computation is that of the scales, so ``.double()`` reaches it too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from onnxplain.convert.cast import torch_type
from onnxplain.convert.conv import Conv
from onnxplain.convert.function import Function
from onnxplain.convert.integer_kernels import EXACT, round_straight_through
from onnxplain.graph.view import Node


def _integer_range(zero_point: Tensor | None, fallback: torch.dtype) -> tuple[int, int]:
    floating = zero_point is None or zero_point.is_floating_point()
    info = torch.iinfo(fallback if zero_point is None or floating else zero_point.dtype)
    return info.min, info.max


def along_axis(parameter: Tensor, x: Tensor, axis: int, block: int = 0) -> Tensor:
    """Shape a scale or zero point so that it broadcasts against `x`.

    A scalar holds for the whole tensor, a vector along one axis, and with `block` each
    entry holds for so many positions of that axis.
    """
    if parameter.numel() == 1:
        return parameter.reshape(())
    if block:
        return parameter.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
    shape = [1] * x.dim()
    shape[axis] = -1
    return parameter.reshape(shape)


def quantise(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None,
    fallback: torch.dtype = torch.uint8,
) -> Tensor:
    """Return ``round(x / scale) + zero_point``, saturated; parameters already broadcast."""
    low, high = _integer_range(zero_point, fallback)
    offset: Any = 0 if zero_point is None else zero_point.to(scale.dtype)
    # Calibration over a mask of -inf gives an infinite scale; ONNX Runtime stores NaN as `low`.
    steps = x / scale
    steps = torch.where(steps.isnan(), low - offset, steps)
    # Saturation comes first, so that an infinite value has a rounding.
    return round_straight_through(steps.clamp(low - offset, high - offset)) + offset


def saturate(steps: Tensor, zero_point: Tensor | None) -> Tensor:
    """Return ``round(steps)``, saturated; the zero point is in `steps` already."""
    low, high = _integer_range(zero_point, torch.uint8)
    return round_straight_through(steps.clamp(low, high))


def requantise(sums: Tensor, factor: Tensor, zero_point: Tensor | None) -> Tensor:
    """Return ``round(sums * factor) + zero_point``, saturated, as ONNX Runtime rounds.

    Its integer kernels sum exactly and multiply in float32 by scales divided once; another
    order flips a few roundings in every million, which later layers amplify.
    """
    scaled = sums.float() * factor.float()
    return quantise(scaled, scaled.new_ones(()), zero_point).to(factor.dtype)


def dequantise(q: Tensor, scale: Tensor, zero_point: Tensor | None) -> Tensor:
    """Return ``(q - zero_point) * scale``; parameters already broadcast."""
    return centre(q, zero_point, scale.dtype) * scale


def centre(q: Tensor, zero_point: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Return ``q - zero_point`` as floating-point numbers."""
    return q.to(dtype) if zero_point is None else q.to(dtype) - zero_point.to(dtype)


def quantize_linear(node: Node) -> nn.Module:
    """QuantizeLinear: for a tensor, along an axis, or in blocks."""
    axis, block = node.attributes.get("axis", 1), node.attributes.get("block_size", 0)
    code = node.attributes.get("output_dtype", 0)
    fallback = torch_type(node, code) if code else torch.uint8

    def apply(x: Tensor, scale: Tensor, zero_point: Tensor | None = None) -> Tensor:
        zero = None if zero_point is None else along_axis(zero_point, x, axis, block)
        divisor = along_axis(scale, x, axis, block)
        return quantise(x.to(divisor.dtype), divisor, zero, fallback)

    return Function(apply)


def dequantize_linear(node: Node) -> nn.Module:
    """DequantizeLinear: for a tensor, along an axis, or in blocks."""
    axis, block = node.attributes.get("axis", 1), node.attributes.get("block_size", 0)

    def apply(q: Tensor, scale: Tensor, zero_point: Tensor | None = None) -> Tensor:
        zero = None if zero_point is None else along_axis(zero_point, q, axis, block)
        return dequantise(q, along_axis(scale, q, axis, block), zero)

    return Function(apply)


def dynamic_quantize(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quantise to 8 bits over the range of `x` and zero; scale and zero point are constants."""
    range_of = x.detach()
    low, high = range_of.min().clamp(max=0), range_of.max().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero_point = torch.round((-low / scale).clamp(0, 255))
    return quantise(x, scale, zero_point), scale, zero_point


def dynamic_quantize_linear(node: Node) -> nn.Module:
    """DynamicQuantizeLinear."""
    return Function(dynamic_quantize)


class MatMulInteger(nn.Module):
    """Product of quantised matrices; exact up to 2**24 in float32."""

    like: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("like", torch.zeros(()))

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        a_zero: Tensor | None = None,
        b_zero: Tensor | None = None,
    ) -> Tensor:
        """Multiply; the zero points are scalars, one for each row of `a`, each column of `b`."""
        if a_zero is not None and a_zero.dim() == 1 and a_zero.numel() > 1:
            a_zero = a_zero.unsqueeze(-1)
        dtype = self.like.dtype
        return centre(a, a_zero, dtype) @ centre(b, b_zero, dtype)


def matmul_integer(node: Node) -> nn.Module:
    """MatMulInteger."""
    return MatMulInteger()


class ConvInteger(nn.Module):
    """Convolution of quantised tensors; padding counts as the zero point of `x`."""

    like: Tensor

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.conv = Conv(node)
        self.register_buffer("like", torch.zeros(()))

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        x_zero: Tensor | None = None,
        w_zero: Tensor | None = None,
    ) -> Tensor:
        """Convolve; the zero point of `w` is a scalar or one for each output channel."""
        dtype = self.like.dtype
        zero = None if w_zero is None else along_axis(w_zero, w, 0)
        return self.conv(centre(x, x_zero, dtype), centre(w, zero, dtype))


def conv_integer(node: Node) -> nn.Module:
    """ConvInteger."""
    return ConvInteger(node)


class QLinearConv(nn.Module):
    """Convolution of quantised tensors, quantised again."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.conv = Conv(node)

    def forward(
        self,
        x: Tensor,
        x_scale: Tensor,
        x_zero: Tensor,
        w: Tensor,
        w_scale: Tensor,
        w_zero: Tensor,
        y_scale: Tensor,
        y_zero: Tensor,
        b: Tensor | None = None,
    ) -> Tensor:
        """Convolve integers, as ONNX Runtime does, and scale the sums."""
        weights = centre(w, along_axis(w_zero, w, 0), EXACT)
        sums = self.conv(centre(x, x_zero, EXACT), weights, None if b is None else b.to(EXACT))
        factor = x_scale.float() * along_axis(w_scale, sums, 1).float() / y_scale.float()
        return requantise(sums, factor, y_zero.reshape(())).to(x_scale.dtype)


def qlinear_conv(node: Node) -> nn.Module:
    """QLinearConv."""
    return QLinearConv(node)


def qlinear_matmul(node: Node) -> nn.Module:
    """QLinearMatMul: scales hold for the tensor, each row of `a`, each column of `b`."""

    def rows(parameter: Tensor) -> Tensor:
        return parameter.unsqueeze(-1) if parameter.dim() == 1 else parameter

    def apply(
        a: Tensor,
        a_scale: Tensor,
        a_zero: Tensor,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor,
        y_scale: Tensor,
        y_zero: Tensor,
    ) -> Tensor:
        sums = centre(a, rows(a_zero), EXACT) @ centre(b, b_zero, EXACT)
        factor = rows(a_scale).float() * b_scale.float() / rows(y_scale).float()
        return requantise(sums, factor, rows(y_zero)).to(a_scale.dtype)

    return Function(apply)
