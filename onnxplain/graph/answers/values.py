"""Operators of one number: scaling, clipping, rounding, and other functions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onnxplain.graph.answers.moves import casts_to_float
from onnxplain.graph.view import Graph, Node

_AFFINE = frozenset({"Add", "Sub", "Mul", "Div", "Neg"})
_ROUNDING = {"Round": 0.5, "Floor": 1.0, "Ceil": 0.0, "Cast": 1.0}
_QUANTISING = frozenset({"QuantizeLinear", "DequantizeLinear"})
# What ends a network that answers with numbers of a certain range.
BOUNDING = frozenset(
    "Relu LeakyRelu PRelu Elu Selu Celu Softplus Softsign Exp Abs Sqrt Pow Tanh Clip Erf Gelu "
    "Mish HardSwish ThresholdedRelu Atan Log".split()
)


@dataclass(frozen=True)
class Affine:
    """`scale` times one tensor plus `offset`; a clip or rounding counts as no change.

    Attributes
    ----------
    source : str
        The tensor.
    note : str
        A phrase for people.
    low, high : float
        Bounds of a clip.
    rounds_up_at : float or None
        The smallest number that becomes 1 where numbers become whole.
    """

    source: str
    scale: float = 1.0
    offset: float = 0.0
    note: str = ""
    low: float = -math.inf
    high: float = math.inf
    rounds_up_at: float | None = None


def scalar(graph: Graph, name: str) -> float | None:
    """The one number that a constant holds, or ``None``."""
    if not name or not graph.is_constant(name):
        return None
    if math.prod(graph.constant_shape(name)) > 1_000_000:
        return None
    value = graph.constant(name)
    if value.dtype.kind not in "fiu" or value.size == 0:
        return None
    first = float(value.flat[0])
    return first if math.isfinite(first) and bool(np.all(value == value.flat[0])) else None


def affine(graph: Graph, tensor: str) -> Affine | None:
    """Read a node that scales, shifts, clips or rounds one tensor by constants."""
    node = graph.producers.get(tensor)
    if node is None:
        return None
    if node.op_type in _QUANTISING:  # of Microsoft's domain too, which means the same
        return _quantised(graph, node)
    if node.domain:
        return None
    if node.op_type in _AFFINE:
        return _scaled(graph, node)
    if node.op_type == "Clip" or (node.op_type in ("Min", "Max") and len(node.inputs) == 2):
        return clipped(graph, node)
    if node.op_type == "Cast" and casts_to_float(node):
        return None
    if node.op_type in _ROUNDING:
        limit = _ROUNDING[node.op_type]
        return Affine(node.inputs[0], note=f"{node.op_type} {tensor!r}", rounds_up_at=limit)
    return None


def _quantised(graph: Graph, node: Node) -> Affine | None:
    scale = scalar(graph, node.inputs[1])
    zero = scalar(graph, node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0.0
    if not scale or zero is None:
        return None
    if node.op_type == "QuantizeLinear":
        return Affine(node.inputs[0], 1 / scale, zero)
    return Affine(node.inputs[0], scale, -scale * zero)


def clipped(graph: Graph, node: Node) -> Affine | None:
    """Read a Clip, or a Min or Max with a constant."""
    note = f"{node.op_type} {node.output!r}"
    if node.op_type == "Clip":
        low = _bound(graph, node, 1, "min", -math.inf)
        high = _bound(graph, node, 2, "max", math.inf)
        if low is None or high is None:
            return None
        return Affine(node.inputs[0], note=note, low=low, high=high)
    for data, other in (node.inputs, node.inputs[::-1]):
        limit = scalar(graph, other)
        if limit is not None and not graph.is_constant(data):
            if node.op_type == "Max":
                return Affine(data, note=note, low=limit)
            return Affine(data, note=note, high=limit)
    return None


def _bound(graph: Graph, node: Node, number: int, attribute: str, free: float) -> float | None:
    if attribute in node.attributes:
        return float(node.attributes[attribute])
    if len(node.inputs) > number and node.inputs[number]:
        return scalar(graph, node.inputs[number])
    return free


def _scaled(graph: Graph, node: Node) -> Affine | None:
    if node.op_type == "Neg":
        return Affine(node.inputs[0], -1.0, note=f"Neg {node.output!r}")
    left, right = node.inputs
    constant, first = scalar(graph, right), False
    source = left
    if constant is None:
        constant, source, first = scalar(graph, left), right, True
    if constant is None or graph.is_constant(source):
        return None
    note = f"{node.op_type} {node.output!r} ({constant:.6g})"
    if node.op_type == "Add":
        return Affine(source, 1.0, constant, note)
    if node.op_type == "Sub":
        return Affine(source, -1.0, constant, note) if first else Affine(source, 1, -constant, note)
    if node.op_type == "Mul":
        return Affine(source, constant, 0.0, _percent(node, constant))
    if first or constant == 0:
        return None
    return Affine(source, 1 / constant, 0.0, _percent(node, 1 / constant))


def _percent(node: Node, scale: float) -> str:
    if math.isclose(scale, 100):
        return f"{node.op_type} {node.output!r} (* 100, a percentage)"
    return f"{node.op_type} {node.output!r} (* {scale:.6g})"
