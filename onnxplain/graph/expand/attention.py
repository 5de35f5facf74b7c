"""Attention that is one operator, written out as projections, products and Softmax."""

from __future__ import annotations

import numpy as np

from onnxplain.graph.expand.builder import Builder, CannotExpandError


def attention(b: Builder) -> None:
    """Attention of ONNX Runtime: one matrix projects to query, key and value."""
    node = b.node
    get = node.attributes.get
    if any(node.inputs[3:]) or any(node.outputs[1:]) or get("unidirectional", 0):
        raise CannotExpandError
    weight = b.read(node.inputs[1])
    bias = b.read(node.inputs[2]) if b.optional(2) else None
    widths = get("qkv_hidden_sizes") or [weight.shape[1] // 3] * 3
    ends = np.cumsum(widths)[:2]
    biases = [None] * 3 if bias is None else np.split(bias, ends)
    projected = []
    for part, shift in zip(np.split(weight, ends, axis=1), biases, strict=True):
        y = b.add("MatMul", node.inputs[0], b.constant(np.ascontiguousarray(part)))
        projected.append(y if shift is None else b.add("Add", y, b.constant(shift)))
    _attend(b, *projected, heads=get("num_heads", 1), scale=get("scale", 0.0))


def multi_head_attention(b: Builder) -> None:
    """MultiHeadAttention of ONNX Runtime, with separate query, key and value."""
    node = b.node
    if any(node.inputs[4:]) or any(node.outputs[1:]) or not all(node.inputs[1:3]):
        raise CannotExpandError
    if node.attributes.get("unidirectional", 0):
        raise CannotExpandError
    operands = list(node.inputs[:3])
    if b.optional(3):
        bias = b.read(node.inputs[3])
        if bias.size % 3:
            raise CannotExpandError
        parts = np.split(bias, 3)
        operands = [
            b.add("Add", x, b.constant(part)) for x, part in zip(operands, parts, strict=True)
        ]
    get = node.attributes.get
    _attend(b, *operands, heads=get("num_heads", 1), scale=get("scale", 0.0))


def standard_attention(b: Builder) -> None:
    """Attention of the ONNX standard, opset 23 and later, without mask, cache or order."""
    node = b.node
    get = node.attributes.get
    heads, plain = get("q_num_heads", 0), not any(node.inputs[3:]) and not any(node.outputs[1:])
    special = get("is_causal", 0) or get("softcap", 0.0) or get("softmax_precision", 0)
    windows = max(get("left_window_size", -1), get("right_window_size", -1)) >= 0
    if not plain or special or windows or get("kv_num_heads", 0) != heads:
        raise CannotExpandError
    _attend(b, *node.inputs, heads=heads, scale=get("scale", 0.0))


def _attend(b: Builder, q: str, k: str, v: str, *, heads: int, scale: float) -> None:
    """Attend; with `heads` of zero, the operands have an axis of heads already."""
    if heads:
        q, k, v = (_split(b, t, heads) for t in (q, k, v))
    if scale:
        q = b.add("Mul", q, b.number(scale))
    else:
        last = b.constant(np.array(-1))
        width = b.add("Gather", b.add("Shape", q), last)
        q = b.add("Div", q, b.add("Sqrt", b.add("Cast", width, to=1)))
    keys = b.add("Transpose", k, perm=[0, 1, 3, 2])
    weights = b.add("Softmax", b.add("MatMul", q, keys), axis=-1)
    if not heads:
        b.add("MatMul", weights, v, output=b.node.output)
        return
    joined = b.add("Transpose", b.add("MatMul", weights, v), perm=[0, 2, 1, 3])
    b.add("Reshape", joined, b.constant(np.array([0, 0, -1])), output=b.node.output)


def _split(b: Builder, x: str, heads: int) -> str:
    """Reshape (N, L, H * D) to (N, H, L, D)."""
    parted = b.add("Reshape", x, b.constant(np.array([0, 0, heads, -1])))
    return b.add("Transpose", parted, perm=[0, 2, 1, 3])
