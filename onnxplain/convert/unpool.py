"""MaxUnpool: what a MaxPool kept goes back to where it came from."""

from __future__ import annotations

import math

from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node


def max_unpool(node: Node) -> nn.Module:
    """MaxUnpool, opset 9 to 22: all other places are zero.

    Positions count through the whole tensor. With an output shape of its own, ONNX Runtime
    counts through that one.
    """
    kernel = node.attributes["kernel_shape"]
    rank = len(kernel)
    strides = node.attributes.get("strides") or [1] * rank
    pads = node.attributes.get("pads") or [0] * 2 * rank

    def apply(x: Tensor, where: Tensor, shape: Tensor | None = None) -> Tensor:
        inferred = [
            (length - 1) * stride + size - before - after
            for length, stride, size, before, after in zip(
                x.shape[2:], strides, kernel, pads[:rank], pads[rank:], strict=True
            )
        ]
        size = [*x.shape[:2], *inferred] if shape is None else integers(shape)
        flat = x.new_zeros(math.prod(size)).scatter(0, where.reshape(-1), x.reshape(-1))
        return flat.reshape(size)

    return Function(apply)
