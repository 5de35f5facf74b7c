"""Integer operators, written out as the floating operator between (de)quantisation.

Constant weights are dequantised here, so that relevance rules see weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.expand.builder import Builder, CannotExpandError, attributes_of
from onnxplain.graph.view import Node

LIKE = {
    "QLinearAdd": "Add",
    "QLinearMul": "Mul",
    "QLinearSigmoid": "Sigmoid",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSoftmax": "Softmax",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
}


def dequantised(
    values: NDArray[np.generic], scale: NDArray[np.generic], zero: NDArray[np.generic], axis: int
) -> NDArray[np.float32]:
    """(q - zero) * scale, with one scale or one along an axis."""

    def along(parameter: NDArray[np.generic]) -> NDArray[np.float64]:
        shape = [1] * values.ndim
        if parameter.size > 1:
            shape[axis] = -1
        return parameter.reshape(shape).astype(np.float64)

    return ((values.astype(np.float64) - along(zero)) * along(scale)).astype(np.float32)


def _weight(b: Builder, position: int, axis: int) -> NDArray[np.float32]:
    """Constant operand, scale and zero point from `position` on, as floats."""
    zero = b.optional(position + 2)
    offset = b.read(zero) if zero else np.zeros(())
    names = b.node.inputs
    return dequantised(b.read(names[position]), b.read(names[position + 1]), offset, axis)


def _signal(b: Builder, x: str, scale: str, zero: str) -> str:
    return b.add("DequantizeLinear", *([x, scale, zero] if zero else [x, scale]))


def _quantised(b: Builder, y: str, scale: str, zero: str) -> None:
    if b.graph.is_constant(scale) and b.graph.constant(scale).size != 1:
        raise CannotExpandError
    inputs = [y, scale, zero] if zero else [y, scale]
    b.add("QuantizeLinear", *inputs, output=b.node.output)


def qlinear_conv(b: Builder) -> None:
    """QLinearConv; the bias counts in units of both scales."""
    names = b.node.inputs
    weight = _weight(b, 3, 0)
    operands = [_signal(b, *names[:3]), b.constant(weight)]
    last, rank = b.node.attributes.get("channels_last", 0), weight.ndim
    if last:
        operands[0] = b.add("Transpose", operands[0], perm=[0, rank - 1, *range(1, rank - 1)])
    if b.optional(8):
        unit = b.read(names[1]).astype(np.float64) * b.read(names[4])
        bias = b.read(names[8]) * unit
        operands.append(b.constant(bias.astype(np.float32).reshape(-1)))
    y = b.add("Conv", *operands, **attributes_of(b.node, "channels_last"))
    if last:
        y = b.add("Transpose", y, perm=[0, *range(2, rank), 1])
    _quantised(b, y, names[6], names[7])


def qlinear_matmul(b: Builder) -> None:
    """QLinearMatMul of a signal with constant weights, or of two signals."""
    names = b.node.inputs
    left = _signal(b, *names[:3])
    if b.graph.is_constant(names[3]):
        right = b.constant(_weight(b, 3, -1))
    else:
        right = _signal(b, *names[3:6])
    _quantised(b, b.add("MatMul", left, right), names[6], names[7])


def qgemm(b: Builder) -> None:
    """QGemm; without a scale for the result, that is floating."""
    names, get = b.node.inputs, b.node.attributes.get
    if get("transA", 0):
        raise CannotExpandError
    axis = 0 if get("transB", 0) else 1
    weight = _weight(b, 3, axis)
    alpha = get("alpha", 1.0)
    operands = [_signal(b, *names[:3]), b.constant(weight * np.float32(alpha))]
    if b.optional(6):
        unit = b.read(names[1]).astype(np.float64) * b.read(names[4]) * alpha
        operands.append(b.constant((b.read(names[6]) * unit).astype(np.float32)))
    scale = b.optional(7)
    y = b.add("Gemm", *operands, output="" if scale else b.node.output, transB=get("transB", 0))
    if scale:
        _quantised(b, y, scale, b.optional(8))


def qlinear_like(b: Builder) -> None:
    """Sums, products, pooling and activations: the operator of the same name on floats."""
    names = b.node.inputs
    kind = LIKE[b.node.op_type]
    count = 2 if kind in ("Add", "Mul") else 1
    if b.node.attributes.get("channels_last", 0):
        raise CannotExpandError
    # Softmax of older opsets runs over all axes from one on.
    said, known = b.node.attributes.get("opset", 13), b.graph.opsets.get("", 13)
    if kind == "Softmax" and (said < 13) != (known < 13):
        raise CannotExpandError
    operands = [_signal(b, *names[3 * k : 3 * k + 3]) for k in range(count)]
    y = b.add(kind, *operands, **attributes_of(b.node, "channels_last", "opset"))
    _quantised(b, y, names[3 * count], b.optional(3 * count + 1))


def qlinear_concat(b: Builder) -> None:
    """QLinearConcat: scale and zero point of the result, then triples of operands."""
    scale, zero, *rest = b.node.inputs
    parts = [_signal(b, *rest[k : k + 3]) for k in range(0, len(rest), 3)]
    _quantised(b, b.add("Concat", *parts, axis=b.node.attributes["axis"]), scale, zero)


def matmul_integer_to_float(b: Builder) -> None:
    """MatMulIntegerToFloat: product of a quantised signal with constant weights."""
    a, weight, a_scale, b_scale, a_zero, b_zero, bias = (b.optional(k) for k in range(7))
    offset = b.read(b_zero) if b_zero else np.zeros(())
    matrix = dequantised(b.read(weight), b.read(b_scale), offset, -1)
    _product(b, _signal(b, a, a_scale, a_zero), matrix, bias)


def dynamic_quantize_matmul(b: Builder) -> None:
    """DynamicQuantizeMatMul: the signal is quantised over its range first."""
    a, weight, scale, zero, bias = (b.optional(k) for k in range(5))
    offset = b.read(zero) if zero else np.zeros(())
    matrix = dequantised(b.read(weight), b.read(scale), offset, -1)
    q = b.add("DynamicQuantizeLinear", a)
    outputs = [q, f"{q}_scale", f"{q}_zero"]
    b.nodes[-1].output[:] = outputs
    _product(b, _signal(b, *outputs), matrix, bias)


def standard(b: Builder) -> None:
    """QuantizeLinear and DequantizeLinear of ONNX Runtime's domain: those of the standard."""
    names = [n for n in b.node.inputs if n]
    b.add(b.node.op_type, *names, output=b.node.output, **attributes_of(b.node))


def _product(b: Builder, x: str, matrix: NDArray[np.float32], bias: str) -> None:
    y = b.add("MatMul", x, b.constant(matrix), output="" if bias else b.node.output)
    if bias:
        b.add("Add", y, bias, output=b.node.output)


def integer_product(b: Builder) -> None:
    """MatMulInteger or ConvInteger with the Cast and the scaling that follow it.

    The quantiser of PyTorch and ONNX Runtime writes sums = op(q, w, z, z_w), Cast, then a
    product with scale * scale_w; only this whole says what the integers mean.
    """
    node, graph = b.node, b.graph
    conv = node.op_type == "ConvInteger"
    x, weight = node.inputs[:2]
    x_zero, w_zero = b.optional(2), b.optional(3)
    cast = _only_reader(b, node.output, "Cast")
    scaling = _only_reader(b, cast.output, "Mul")
    (factor,) = [n for n in scaling.inputs if n != cast.output]
    product = graph.producers.get(factor)
    if product is None or product.op_type != "Mul":
        raise CannotExpandError
    scales = [n for n in product.inputs if graph.is_constant(n)]
    signal = [n for n in product.inputs if not graph.is_constant(n)]
    if len(scales) != 1 or len(signal) != 1:
        raise CannotExpandError
    offset = b.read(w_zero) if w_zero else np.zeros(())
    matrix = dequantised(b.read(weight), b.read(scales[0]).reshape(-1), offset, 0 if conv else -1)
    data = _signal(b, x, signal[0], x_zero)
    kind = "Conv" if conv else "MatMul"
    b.add(kind, data, b.constant(matrix), output=scaling.output, **attributes_of(node))
    b.replaced |= {cast.index, scaling.index}


def _only_reader(b: Builder, tensor: str, op_type: str) -> Node:
    readers = b.graph.consumers.get(tensor, ())
    outputs = {o.name for o in b.graph.outputs}
    if len(readers) != 1 or readers[0].op_type != op_type or tensor in outputs:
        raise CannotExpandError
    return readers[0]
