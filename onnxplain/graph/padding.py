"""How a convolution or pooling walks over its input and pads it, from its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node


@dataclass(frozen=True)
class Walk:
    """How a kernel walks along one axis; all in positions of the input."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int


def kernel_size(graph: Graph, shapes: Shapes, node: Node) -> tuple[int, ...]:
    """Spatial size of the kernel of a convolution or pooling; empty if it is not known."""
    if "kernel_shape" in node.attributes:
        return tuple(node.attributes["kernel_shape"])
    weight = node.inputs[3 if node.op_type == "QLinearConv" else 1]
    shape = graph.constant_shape(weight) if graph.is_constant(weight) else shapes.get(weight, ())
    return shape[2:]


def kernel_walks(node: Node, size: Sequence[int], kernel: Sequence[int]) -> list[Walk]:
    """Return how the kernel of a node walks along each spatial axis.

    Parameters
    ----------
    node : Node
        A convolution or pooling; reads ``auto_pad``, ``dilations``, ``pads``, ``strides``.
    size : sequence of int
        Spatial size of its input.
    kernel : sequence of int
        That of its kernel.
    """
    ones = [1] * len(size)
    strides = node.attributes.get("strides") or ones
    dilations = node.attributes.get("dilations") or ones
    pads = explicit_pads(
        node.attributes.get("auto_pad", "NOTSET"),
        node.attributes.get("pads") or [],
        size,
        kernel,
        strides,
        dilations,
    )
    ends = zip(pads[: len(size)], pads[len(size) :], strict=True)
    walks = zip(kernel, strides, dilations, ends, strict=True)
    return [Walk(k, s, d, before, after) for k, s, d, (before, after) in walks]


def explicit_pads(
    auto_pad: str,
    pads: Sequence[int],
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """Return padding in ONNX order: all beginnings, then all ends.

    ``SAME_UPPER`` and ``SAME_LOWER`` depend on the size of the input: the output has
    ``ceil(size / stride)`` positions, and an odd total puts the larger half at the end
    or at the beginning.
    """
    rank = len(size)
    if not auto_pad.startswith("SAME"):
        return list(pads) if pads and auto_pad == "NOTSET" else [0] * 2 * rank
    begin, end = [], []
    for length, k, s, d in zip(size, kernel, strides, dilations, strict=True):
        positions = -(-length // s)
        total = max(0, (positions - 1) * s + (k - 1) * d + 1 - length)
        small, large = total // 2, total - total // 2
        begin.append(small if auto_pad == "SAME_UPPER" else large)
        end.append(large if auto_pad == "SAME_UPPER" else small)
    return begin + end
