"""Softmax and LogSoftmax written with Exp and ReduceSum."""

from __future__ import annotations

from onnxplain.graph.answers.part import Part, PartKind, Source
from onnxplain.graph.answers.values import affine
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_SUMS = frozenset({"ReduceSum", "ReduceL1"})
_MOVING = frozenset("Slice Gather Transpose Reshape Squeeze Unsqueeze Flatten Identity".split())
_CHOOSING = frozenset({"TopK", "GatherElements"})
_POSITIVE = frozenset("Exp Relu Softplus Sigmoid HardSigmoid Softmax Abs ReduceL2 Sqrt".split())


def written_softmax(graph: Graph, shapes: Shapes, node: Node) -> Part | None:
    """Recognise e^a / sum(e^a) and a - log(sum(e^a)), with or without the maximum taken off."""
    if node.op_type == "Div":
        return _quotient(graph, shapes, node, node.inputs[0], node.inputs[1])
    if node.op_type == "Mul":
        for above, below in (node.inputs, node.inputs[::-1]):
            inverse = graph.producers.get(below)
            if inverse is not None and inverse.op_type == "Reciprocal":
                return _quotient(graph, shapes, node, above, inverse.inputs[0])
    if node.op_type == "Sub":
        return _difference(graph, shapes, node)
    return None


def _quotient(graph: Graph, shapes: Shapes, node: Node, above: str, below: str) -> Part | None:
    total = graph.producers.get(_without_guard(graph, below))
    if total is None or total.op_type not in _SUMS or total.inputs[0] != above:
        return None
    top = graph.producers.get(above)
    if top is not None and top.op_type == "Exp":
        return _part(graph, shapes, node, total, "softmax", top.inputs[0])
    axes = reduced_axes(graph, total, len(shapes[node.output]))
    if axes is None or not _not_negative(graph, above):
        return None
    return Part(
        "softmax",
        Source(node.output),
        axes=axes,
        held=Source(node.output),
        evidence="a division by the sum",
        node=node,
    )


def _not_negative(graph: Graph, tensor: str) -> bool:
    for _ in range(6):
        node = graph.producers.get(tensor)
        if node is None or node.domain:
            return False
        if node.op_type in _POSITIVE:
            return True
        if node.op_type in _MOVING | _CHOOSING and tensor == node.output:
            tensor = node.inputs[0]
            continue
        step = affine(graph, tensor)
        if step is None:
            return False
        if step.low >= 0:
            return True
        if step.scale < 0 or step.offset < 0:
            return False
        tensor = step.source
    return False


def _difference(graph: Graph, shapes: Shapes, node: Node) -> Part | None:
    source, below = node.inputs
    total = graph.producers.get(below)
    if total is None:
        return None
    if total.op_type == "ReduceLogSumExp" and total.inputs[0] == source:
        return _part(graph, shapes, node, total, "log-softmax", source)
    if total.op_type != "Log":
        return None
    total = graph.producers.get(total.inputs[0])
    if total is None or total.op_type != "ReduceSum":
        return None
    inner = graph.producers.get(total.inputs[0])
    if inner is None or inner.op_type != "Exp" or inner.inputs[0] != source:
        return None
    return _part(graph, shapes, node, total, "log-softmax", source)


def _part(
    graph: Graph, shapes: Shapes, node: Node, total: Node, kind: PartKind, source: str
) -> Part | None:
    shape = shapes[node.output]
    axes = reduced_axes(graph, total, len(shape))
    if axes is None or shapes.get(source) != shape or not total.attributes.get("keepdims", 1):
        return None
    logit = source
    front = graph.producers.get(source)
    if front is not None and front.op_type == "Sub":
        most = graph.producers.get(front.inputs[1])
        if most is not None and most.op_type == "ReduceMax" and most.inputs[0] == front.inputs[0]:
            logit = front.inputs[0]
    return Part(
        kind,
        Source(node.output),
        axes=axes,
        held=Source(node.output),
        logit=Source(logit),
        evidence="a Softmax written with Exp and ReduceSum",
        node=node,
    )


def reduced_axes(graph: Graph, node: Node, rank: int) -> tuple[int, ...] | None:
    """Axes that a reduction runs over; ``None`` if they are computed."""
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1]:
        if not graph.is_constant(node.inputs[1]):
            return None
        axes = [int(a) for a in graph.constant(node.inputs[1]).ravel()]
    if not axes:
        return () if node.attributes.get("noop_with_empty_axes") else tuple(range(rank))
    return tuple(sorted({int(a) % max(rank, 1) for a in axes}))


def _without_guard(graph: Graph, tensor: str) -> str:
    """What stands in front of an Expand, or of a small number that keeps a divisor from zero."""
    for _ in range(3):
        node = graph.producers.get(tensor)
        if node is None or node.domain:
            break
        step = affine(graph, tensor)
        small = step is not None and step.scale == 1 and abs(step.offset) < 1e-3
        if node.op_type == "Expand":
            tensor = node.inputs[0]
        elif step is not None and small and (step.low < 1e-3):
            tensor = step.source
        else:
            break
    return tensor
