"""Ranks, labels and best scores at the end: what they are selected from."""

from __future__ import annotations

from dataclasses import replace

from onnxplain.graph.answers.activations import softmax_axes
from onnxplain.graph.answers.part import Part, Source
from onnxplain.graph.answers.values import scalar
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_BEST = {"TopK", "ArgMax", "ArgMin", "Hardmax"}
_ABOVE, _BELOW = ("Greater", "GreaterOrEqual"), ("Less", "LessOrEqual")
# Which of several scores stands at a place depends on the scores: places are no classes there.
RANKED = frozenset({"TopK", "GatherElements"})
_DECIDES = frozenset({*_ABOVE, *_BELOW, "Not", "Sign", "Where", "Round", "Floor", "Ceil", "Cast"})


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
    if node.op_type in (*_ABOVE, *_BELOW):
        return _compared(graph, node)
    if node.op_type == "Not":
        return _from(node, node.inputs[0], "no becomes yes", scale=-1.0)
    if node.op_type == "Sign":
        return _limited(node, node.inputs[0], 0.0)
    if node.op_type == "GatherElements" and not graph.is_constant(node.inputs[1]):
        return _best(graph, shapes, node)
    if node.op_type == "Where":
        chosen = node.inputs[1:]
        changing = [i for i in chosen if not graph.is_constant(i)]
        if len(changing) == 1:
            return _from(node, changing[0], "a threshold")
        if not changing:
            return _marked(graph, node)
    return None


def turned(part: Part) -> Part:
    """Return the part of a selection that is subtracted from something."""
    decides = part.node is not None and part.node.op_type in _DECIDES
    return replace(part, scale=-part.scale) if decides else part


def rounded(node: Node, limit: float) -> Part:
    """Return the part of a number between zero and one that is rounded to one of them."""
    return _limited(node, node.inputs[0], limit)


def _compared(graph: Graph, node: Node) -> Part | None:
    """A comparison of scores with a constant."""
    changing = [k for k, i in enumerate(node.inputs) if not graph.is_constant(i)]
    if len(changing) != 1:
        return None
    (data,) = changing
    above = (node.op_type in _ABOVE) == (data == 0)
    limit = scalar(graph, node.inputs[1 - data])
    return _limited(node, node.inputs[data], limit, 1.0 if above else -1.0)


def _limited(node: Node, source: str, limit: float | None, scale: float = 1.0) -> Part:
    where = "" if limit is None else f" at {limit:.6g}"
    below = "; what is below it counts as yes" if scale < 0 else ""
    return replace(_from(node, source, f"a threshold{where}{below}", scale=scale), limit=limit)


def _marked(graph: Graph, node: Node) -> Part | None:
    """One of two constants, by a condition."""
    condition, *marks = node.inputs
    yes, no = (scalar(graph, m) for m in marks)
    if yes is None or no is None:
        return _from(node, condition, "marks of a condition")
    turned = "; the smaller one marks yes" if yes < no else ""
    return _from(node, condition, f"a threshold{turned}", scale=-1.0 if yes < no else 1.0)


def _equal_to_best(graph: Graph, node: Node) -> Part | None:
    """Marks of the largest of several scores."""
    for source, best in (node.inputs, node.inputs[::-1]):
        most = graph.producers.get(best)
        if most is None or most.inputs[0] != source:
            continue
        if most.op_type == "ReduceMax":
            return _from(node, source, "marks the largest")
        if most.op_type == "ReduceMin":
            return _from(node, source, "marks the smallest", scale=-1.0)
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
    what = "its ranks are" if node.op_type in RANKED else "its labels are"
    wins = "; the smallest wins" if smallest else ""
    return _from(node, source, f"{what} no classes{wins}", axes, -1.0 if smallest else 1.0)


def _from(
    node: Node, source: str, why: str, axes: tuple[int, ...] = (), scale: float = 1.0
) -> Part:
    note = f"{node.op_type} {node.output!r} ({why})"
    return Part("select", Source(source), axes=axes, scale=scale, notes=(note,), node=node)
