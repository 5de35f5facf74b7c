"""An L2 normalisation at a tensor, as a node or written out."""

from __future__ import annotations

from onnxplain.graph.answers.part import Part, Source
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# What may stand between the length of a vector and the division by it.
_BETWEEN = frozenset(
    "Expand Clip Max Min Add Sqrt Reciprocal Unsqueeze Squeeze Reshape Identity Cast Pow".split()
)
_MOST_STEPS = 8


def normalisation(graph: Graph, shapes: Shapes, tensor: str) -> Part | None:
    """Return the part of a vector of length one, or ``None``."""
    node = graph.producers.get(tensor)
    if node is None or node.domain or tensor not in shapes:
        return None
    if node.op_type == "LpNormalization" and node.attributes.get("p", 2) == 2:
        return _unit(tensor, node)
    if node.op_type == "Div" and _is_length(graph, node.inputs[1], node.inputs[0]):
        return _unit(tensor, node)
    if node.op_type == "Mul":
        for vector, factor in (node.inputs, node.inputs[::-1]):
            if _is_length(graph, factor, vector):
                return _unit(tensor, node)
    return None


def _unit(tensor: str, node: Node) -> Part:
    return Part("unit", Source(tensor), evidence="an L2 normalisation", node=node)


def _is_length(graph: Graph, tensor: str, vector: str) -> bool:
    for _ in range(_MOST_STEPS):
        node = graph.producers.get(tensor)
        if node is None or node.domain:
            return False
        if node.op_type in ("ReduceL2", "ReduceSumSquare"):
            return node.inputs[0] == vector
        if node.op_type == "ReduceSum":
            return _is_square(graph, node.inputs[0], vector)
        if node.op_type == "Div":  # 1 / length
            tensor = node.inputs[1]
        elif node.op_type in _BETWEEN:
            changing = [i for i in node.inputs if i and not graph.is_constant(i)]
            if not changing:
                return False
            tensor = changing[0]
        else:
            return False
    return False


def _is_square(graph: Graph, tensor: str, vector: str) -> bool:
    node = graph.producers.get(tensor)
    if node is None or node.domain:
        return False
    if node.op_type == "Mul":
        return set(node.inputs) == {vector}
    absolute = graph.producers.get(node.inputs[0])
    base = node.inputs[0]
    if absolute is not None and absolute.op_type == "Abs":
        base = absolute.inputs[0]
    squares = node.op_type == "Pow" and graph.is_constant(node.inputs[1])
    return squares and base == vector and bool((graph.constant(node.inputs[1]) == 2).all())
