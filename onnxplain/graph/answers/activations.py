"""The final activation at a tensor: Softmax, Sigmoid and their kin, also written out."""

from __future__ import annotations

import math

from onnxplain.graph.answers.part import Part, PartKind, Source
from onnxplain.graph.answers.values import affine, scalar
from onnxplain.graph.answers.written_softmax import written_softmax
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# From here on Softmax runs over one axis; before, all axes after its own were flattened.
_ONE_AXIS_SINCE = 13
_OVER_AXES: dict[str, PartKind] = {"Softmax": "softmax", "LogSoftmax": "log-softmax"}


def activation(graph: Graph, shapes: Shapes, tensor: str) -> Part | None:
    """Return what an activation makes of a whole tensor, or ``None`` if there is none."""
    node = graph.producers.get(tensor)
    if node is None or tensor not in shapes or tensor != node.output:
        return None
    if node.domain:
        return _microsoft(graph, shapes, node)
    if node.op_type in _OVER_AXES:
        axes = softmax_axes(graph, node, len(shapes[tensor]))
        return Part(
            _OVER_AXES[node.op_type],
            Source(tensor),
            axes=axes,
            held=Source(tensor),
            logit=Source(node.inputs[0]),
            evidence=f"a {node.op_type}",
            node=node,
        )
    if node.op_type in ("Sigmoid", "HardSigmoid"):
        return _sigmoid(tensor, _not_negated(graph, node), f"a {node.op_type}", node)
    if node.op_type == "Tanh":
        source = Source(node.inputs[0])
        return Part("tanh", Source(tensor), logit=source, evidence="a Tanh", node=node)
    return (
        _written_sigmoid(graph, shapes, node)
        or written_softmax(graph, shapes, node)
        or _written_hard_sigmoid(graph, node)
    )


def softmax_axes(graph: Graph, node: Node, rank: int) -> tuple[int, ...]:
    """Axes that a Softmax, LogSoftmax or Hardmax runs over together."""
    if graph.opsets.get("", _ONE_AXIS_SINCE) >= _ONE_AXIS_SINCE:
        return (int(node.attributes.get("axis", -1)) % max(rank, 1),)
    first = int(node.attributes.get("axis", 1))
    return tuple(range(first % rank if first < 0 else min(first, rank), rank))


def _not_negated(graph: Graph, node: Node) -> Source:
    """What a Sigmoid is of; minus a number where it is negated in front."""
    step = affine(graph, node.inputs[0])
    if node.op_type == "Sigmoid" and step is not None and step.scale == -1 and step.offset == 0:
        return Source(step.source, scale=-1.0)
    return Source(node.inputs[0])


def _sigmoid(tensor: str, logit: Source | None, evidence: str, node: Node) -> Part:
    return Part(
        "sigmoid",
        Source(tensor),
        held=Source(tensor),
        logit=logit,
        evidence=evidence,
        node=node,
    )


def _microsoft(graph: Graph, shapes: Shapes, node: Node) -> Part | None:
    if node.operator not in ("com.microsoft::QLinearSigmoid", "com.microsoft::QLinearSoftmax"):
        return None
    scale = scalar(graph, node.inputs[3])
    zero = scalar(graph, node.inputs[4]) if len(node.inputs) > 4 and node.inputs[4] else 0.0
    if not scale or zero is None:
        return None
    front = graph.producers.get(node.inputs[0])
    quantised = front is not None and front.op_type == "QuantizeLinear"
    softmax = node.op_type == "QLinearSoftmax"
    rank = len(shapes[node.output])
    axis = int(node.attributes.get("axis", -1)) % max(rank, 1)
    old = int(node.attributes.get("opset", _ONE_AXIS_SINCE)) < _ONE_AXIS_SINCE
    axes = tuple(range(axis, rank)) if old else (axis,)
    return Part(
        "softmax" if softmax else "sigmoid",
        Source(node.output),
        axes=axes if softmax else (),
        scale=1 / scale,
        offset=zero,
        logit=Source(front.inputs[0]) if front is not None and quantised else None,
        evidence=f"a quantised {'Softmax' if softmax else 'Sigmoid'}",
        node=node,
    )


def _written_sigmoid(graph: Graph, shapes: Shapes, node: Node) -> Part | None:
    """1 / (1 + e^w), or e^w / (1 + e^w)."""
    if node.op_type == "Reciprocal":
        below, above = node.inputs[0], None
    elif node.op_type == "Div":
        below, above = node.inputs[1], node.inputs[0]
    else:
        return None
    sum_ = affine(graph, below)
    if sum_ is None or sum_.scale != 1 or sum_.offset != 1:
        return None
    exponential = graph.producers.get(sum_.source)
    if exponential is None or exponential.op_type != "Exp" or exponential.domain:
        return None
    source = exponential.inputs[0]
    if shapes.get(source) != shapes[node.output]:
        return None
    evidence = "a Sigmoid written with Exp"
    if above == exponential.output:
        return _sigmoid(node.output, Source(source), evidence, node)
    if above is not None and scalar(graph, above) != 1:
        return None
    logit = Source(source, scale=-1.0)
    turned = affine(graph, source)
    if turned is not None and turned.offset == 0 and turned.scale == -1:
        logit = Source(turned.source)
    return _sigmoid(node.output, logit, evidence, node)


def _written_hard_sigmoid(graph: Graph, node: Node) -> Part | None:
    """Clip(a z + c / 2, 0, c) / c."""
    outer = affine(graph, node.output)
    if outer is None or outer.offset != 0 or outer.scale <= 0:
        return None
    clip, scale = outer, 1.0
    if math.isinf(outer.high):
        inner = affine(graph, outer.source)
        if inner is None:
            return None
        clip, scale = inner, outer.scale
    if clip.low != 0 or not math.isclose(clip.high * scale, 1, rel_tol=1e-5):
        return None
    shifted = affine(graph, clip.source)
    if shifted is None or shifted.scale <= 0:
        return None
    if not math.isclose(shifted.offset, clip.high / 2, rel_tol=1e-5):
        return None
    source = Source(shifted.source)
    return _sigmoid(node.output, source, "a hard Sigmoid written with Clip", node)
