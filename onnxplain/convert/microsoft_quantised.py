"""Quantised operators of ONNX Runtime; conventions as in `onnxplain.convert.quantised`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert import integer_kernels
from onnxplain.convert.activation import softmax_flattened
from onnxplain.convert.function import Function
from onnxplain.convert.integer_kernels import EXACT, Quantised
from onnxplain.convert.pool import AveragePool, MaxPool
from onnxplain.convert.quantised import (
    QLinearConv,
    centre,
    dequantise,
    dynamic_quantize,
    quantise,
    requantise,
    saturate,
)
from onnxplain.graph.view import Node

_BINARY = {"QLinearAdd": integer_kernels.added, "QLinearMul": integer_kernels.multiplied}


def _known(q: Tensor, scale: Tensor, zero: Tensor | None) -> Quantised:
    """Gather integers with their parameters as floating-point numbers."""
    offset = torch.zeros_like(scale) if zero is None else zero.to(scale.dtype)
    return Quantised(q.to(scale.dtype), scale, offset)


def qlinear_binary(node: Node) -> nn.Module:
    """QLinearAdd and QLinearMul."""
    kernel = _BINARY[node.op_type]

    def apply(
        a: Tensor,
        a_scale: Tensor,
        a_zero: Tensor | None,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor | None,
        y_scale: Tensor,
        y_zero: Tensor | None = None,
    ) -> Tensor:
        result = _known(y_scale, y_scale, y_zero)
        operands = _known(a, a_scale, a_zero), _known(b, b_scale, b_zero)
        steps = kernel(*operands, result.scale, result.zero)
        return saturate(steps, y_zero).to(y_scale.dtype)

    return Function(apply)


def _unary(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.attributes.get("alpha", 0.01)
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "QLinearSigmoid": torch.sigmoid,
        "QLinearLeakyRelu": lambda x: functional.leaky_relu(x, alpha),
    }
    if node.op_type == "QLinearAveragePool":
        return AveragePool(node)
    if node.op_type == "QLinearSoftmax":  # before opset 13; see `_reduction`
        return softmax_flattened(node)
    return functions[node.op_type]


def _reduction(node: Node) -> Callable[..., Tensor] | None:
    """Kernel of a mean or softmax of integers."""
    if node.op_type == "QLinearGlobalAveragePool":
        return integer_kernels.averaged
    if node.op_type == "QLinearSoftmax" and node.attributes.get("opset", 13) >= 13:
        axis = node.attributes.get("axis", -1)
        return lambda x, *result: integer_kernels.softmax(x, axis, *result)
    return None


def qlinear_unary(node: Node) -> nn.Module:
    """Pooling and activations between a dequantisation and a quantisation."""
    kernel = _reduction(node)
    function = None if kernel else _unary(node)

    def apply(
        x: Tensor,
        x_scale: Tensor,
        x_zero: Tensor | None,
        y_scale: Tensor,
        y_zero: Tensor | None = None,
    ) -> Tensor:
        if not bool(x_scale.isfinite().all()):
            # Left by calibration over a mask of -inf. The kernel's table of values is NaN then.
            raise ValueError("the scale of its input is not finite: the quantiser failed")
        if function is not None:
            return quantise(function(dequantise(x, x_scale, x_zero)), y_scale, y_zero)
        assert kernel is not None
        result = _known(y_scale, y_scale, y_zero)
        steps = kernel(_known(x, x_scale, x_zero), result.scale, result.zero)
        return saturate(steps, y_zero).to(y_scale.dtype)

    return _channels_first(node, apply)


def qlinear_conv(node: Node) -> nn.Module:
    """QLinearConv of ONNX Runtime, which may keep the channels last."""
    return _channels_first(node, QLinearConv(node))


def _channels_first(node: Node, function: Callable[..., Tensor]) -> nn.Module:
    """Move the channels to axis 1 and back, if the node keeps them last."""
    if not node.attributes.get("channels_last", 0):
        return Function(function)
    return Function(lambda x, *rest: function(x.movedim(-1, 1), *rest).movedim(1, -1))


def nhwc_max_pool(node: Node) -> nn.Module:
    """NhwcMaxPool: MaxPool of quantised tensors with the channels last."""
    pool = MaxPool(node)
    return Function(lambda x: pool(x.movedim(-1, 1)).movedim(1, -1))


def qlinear_where(node: Node) -> nn.Module:
    """QLinearWhere: a choice between two quantised tensors."""

    def apply(
        condition: Tensor,
        a: Tensor,
        a_scale: Tensor,
        a_zero: Tensor | None,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor | None,
        y_scale: Tensor,
        y_zero: Tensor | None = None,
    ) -> Tensor:
        first, second = dequantise(a, a_scale, a_zero), dequantise(b, b_scale, b_zero)
        return quantise(torch.where(condition, first, second), y_scale, y_zero)

    return Function(apply)


def qlinear_concat(node: Node) -> nn.Module:
    """QLinearConcat: scale and zero point of the result, then triples of operands."""
    axis = node.attributes["axis"]

    def apply(y_scale: Tensor, y_zero: Tensor, *operands: Tensor) -> Tensor:
        triples = zip(operands[::3], operands[1::3], operands[2::3], strict=True)
        return quantise(torch.cat([dequantise(*t) for t in triples], axis), y_scale, y_zero)

    return Function(apply)


def qgemm(node: Node) -> nn.Module:
    """QGemm: the bias counts in units of both scales; without a scale the result is float."""
    get = node.attributes.get
    alpha, flip_a, flip_b = get("alpha", 1.0), get("transA", 0), get("transB", 0)

    def apply(
        a: Tensor,
        a_scale: Tensor,
        a_zero: Tensor,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor,
        c: Tensor | None = None,
        y_scale: Tensor | None = None,
        y_zero: Tensor | None = None,
    ) -> Tensor:
        left = a.T if flip_a else a
        right = b.T if flip_b else b
        # Zero points and scales of b are scalars or one for each column of the result.
        sums = centre(left, a_zero, EXACT) @ centre(right, b_zero, EXACT)
        sums = sums if c is None else sums + c.to(EXACT)
        if y_scale is None:
            return sums.to(a_scale.dtype) * (a_scale * b_scale * alpha)
        factor = alpha * a_scale.float() * b_scale.float() / y_scale.float()
        return requantise(sums, factor, y_zero).to(a_scale.dtype)

    return Function(apply)


def _product(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor | None,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor | None,
    bias: Tensor | None,
) -> Tensor:
    dtype = a_scale.dtype
    y = centre(a, a_zero, dtype) @ centre(b, b_zero, dtype) * (a_scale * b_scale)
    return y if bias is None else y + bias


def matmul_integer_to_float(node: Node) -> nn.Module:
    """MatMulIntegerToFloat: product of quantised matrices, not quantised again."""

    def apply(
        a: Tensor,
        b: Tensor,
        a_scale: Tensor,
        b_scale: Tensor,
        a_zero: Tensor | None = None,
        b_zero: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        return _product(a, a_scale, a_zero, b, b_scale, b_zero, bias)

    return Function(apply)


def dynamic_quantize_matmul(node: Node) -> nn.Module:
    """DynamicQuantizeMatMul: quantise the first operand over its range, then multiply."""

    def apply(
        a: Tensor,
        b: Tensor,
        b_scale: Tensor,
        b_zero: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        return _product(*dynamic_quantize(a), b, b_scale, b_zero, bias)

    return Function(apply)
