"""How much arithmetic a node does for one picture, from shapes alone."""

from __future__ import annotations

import math

from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# Which operand holds the kernels.
_KERNELS = {"Conv": 1, "ConvInteger": 1, "DeformConv": 1, "QLinearConv": 3, "FusedConv": 1}
_POOLS = frozenset({"MaxPool", "AveragePool", "LpPool"})
_SORTS = frozenset({"Unique", "TopK"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})


def numbers_written(node: Node, shapes: Shapes) -> int:
    """Elements of all results of known shape."""
    return sum(math.prod(shapes.get(o, (0,))) for o in node.outputs if o)


def products(graph: Graph, node: Node, shapes: Shapes) -> int:
    """Multiplications that a node adds up; 0 for one that works element by element.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        One of its nodes.
    shapes : dict of str to tuple of int
        Those that are known; what is not counts for nothing.
    """
    kind = node.op_type

    def shape(position: int) -> tuple[int, ...]:
        name = node.inputs[position] if position < len(node.inputs) else ""
        return graph.constant_shape(name) if graph.is_constant(name) else shapes.get(name, ())

    if kind in _KERNELS:
        return numbers_written(node, shapes) * math.prod(shape(_KERNELS[kind])[1:])
    if kind == "ConvTranspose":
        return math.prod(shape(0) or (0,)) * math.prod(shape(1)[1:])
    if kind in ("MatMul", "Gemm"):
        transposed = kind == "Gemm" and node.attributes.get("transA", 0)
        return numbers_written(node, shapes) * (shape(0) or (1,))[0 if transposed else -1]
    if kind in _POOLS:
        return numbers_written(node, shapes) * math.prod(node.attributes.get("kernel_shape", ()))
    if kind in _RECURRENT:
        return math.prod(shape(0)[:2] or (0,)) * sum(math.prod(shape(k) or (0,)) for k in (1, 2))
    return 0


def comparisons(node: Node, shapes: Shapes) -> int:
    """Comparisons of a node that sorts what it reads; 0 for any other."""
    if node.op_type not in _SORTS:
        return 0
    count = math.prod(shapes.get(node.inputs[0], (0,)))
    return count * count.bit_length()
