"""Ranks, labels and best scores at the end: what they are selected from."""

from __future__ import annotations

from onnxplain.graph.answers.activations import softmax_axes
from onnxplain.graph.answers.part import Part, Source
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_BEST = {"TopK", "ArgMax", "ArgMin", "Hardmax"}
_DECISIONS = frozenset("Greater GreaterOrEqual Less LessOrEqual".split())
_LOGICAL = frozenset({"Not"})


def selection(graph: Graph, shapes: Shapes, tensor: str) -> Part | None:
    """Return what a tensor of ranks, labels or decisions is selected from.

    Scores that a threshold alone has set to a constant count as a selection too.
    """
    node = graph.producers.get(tensor)
    if node is None:
        return None
    if node.domain == "ai.onnx.ml" and node.op_type in ("ZipMap", "LabelEncoder"):
        return _from(node, node.inputs[0], "names beside scores")
    if node.domain == "ai.onnx.ml" and node.op_type == "ArrayFeatureExtractor":
        return _from(node, node.inputs[1], "names of classes")
    if node.domain:
        return None
    if node.op_type in _BEST:
        return _best(graph, shapes, node)
    if node.op_type == "Gather" and graph.is_constant(node.inputs[0]):
        return _from(node, node.inputs[1], "names of classes")
    if node.op_type == "OneHot":
        return _from(node, node.inputs[0], "marks the label")
    if node.op_type == "Equal":
        return _equal_to_best(graph, node)
    if node.op_type in _DECISIONS:
        changing = [i for i in node.inputs if not graph.is_constant(i)]
        return _from(node, changing[0], "a threshold") if len(changing) == 1 else None
    if node.op_type in _LOGICAL:
        return _from(node, node.inputs[0], "a threshold")
    if node.op_type == "Where":
        condition, *chosen = node.inputs
        changing = [i for i in chosen if not graph.is_constant(i)]
        if len(changing) < 2:
            return _from(node, changing[0] if changing else condition, "a threshold")
    return None


def _equal_to_best(graph: Graph, node: Node) -> Part | None:
    """Marks of the largest of several scores."""
    for source, best in (node.inputs, node.inputs[::-1]):
        most = graph.producers.get(best)
        if most is not None and most.op_type == "ReduceMax" and most.inputs[0] == source:
            return _from(node, source, "marks the largest")
    return None


def _best(graph: Graph, shapes: Shapes, node: Node) -> Part | None:
    source = node.inputs[0]
    if source not in shapes:
        return None
    rank = len(shapes[source])
    smallest = node.op_type == "ArgMin" or node.attributes.get("largest", 1) == 0
    if node.op_type == "Hardmax":
        axes = softmax_axes(graph, node, rank)
    else:
        default = -1 if node.op_type == "TopK" else 0
        axes = (int(node.attributes.get("axis", default)) % max(rank, 1),)
    what = "its ranks are" if node.op_type == "TopK" else "its labels are"
    wins = "; the smallest wins" if smallest else ""
    return _from(node, source, f"{what} no classes{wins}", axes, -1.0 if smallest else 1.0)


def _from(
    node: Node, source: str, why: str, axes: tuple[int, ...] = (), scale: float = 1.0
) -> Part:
    note = f"{node.op_type} {node.output!r} ({why})"
    return Part("select", Source(source), axes=axes, scale=scale, notes=(note,), node=node)
