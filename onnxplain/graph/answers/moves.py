"""Operators that only move values: where each element of their output comes from.

The operator itself is applied to the positions of its input, so what it means is written
nowhere a second time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.fold_work import work_of
from onnxplain.graph.shape_values import evaluated, whole_numbers
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

Positions = NDArray[np.int64]

# Larger tensors are not followed: each element needs a position of its own.
_MOST = 1 << 24
# Steps of finding them, in the units of `fold_work`.
_MOST_WORK = 10**9
_KEEP_ORDER = frozenset({"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})
_EVALUATED = frozenset(
    "Transpose Slice Gather GatherElements GatherND Split Tile DepthToSpace SpaceToDepth "
    "ReverseSequence".split()
)
_FLOATS = frozenset(
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.BFLOAT16,
    }
)


@dataclass(frozen=True, eq=False)
class Moved:
    """Where the elements of a tensor come from.

    Attributes
    ----------
    tensors : tuple of str
        The tensors in front.
    which : int array or None
        For each element, in flat order, the number of its tensor; ``None`` if there is one.
    flat : int array or None
        For each element its flat position there; ``None`` if they come in the same order.
    """

    tensors: tuple[str, ...]
    which: Positions | None = None
    flat: Positions | None = None


def moved(graph: Graph, shapes: Shapes, tensor: str) -> Moved | None:
    """Return where the elements of a tensor come from, or ``None`` if they are computed."""
    node = graph.producers.get(tensor)
    shape = shapes.get(tensor)
    if node is None or node.domain or shape is None or not node.inputs:
        return None
    source = node.inputs[0]
    if node.op_type == "Concat":
        return _joined(node, shape, shapes)
    if source not in shapes or math.prod(shapes[source]) > _MOST:
        return Moved((source,)) if _keeps_all(node, shape, shapes.get(source)) else None
    if node.op_type in _KEEP_ORDER or (node.op_type == "Cast" and casts_to_float(node)):
        same = math.prod(shape) == math.prod(shapes[source])
        return Moved((source,)) if same else None
    if math.prod(shape) > _MOST:
        return None
    if node.op_type == "Expand":
        return Moved((source,), flat=np.broadcast_to(_positions(shapes[source]), shape).ravel())
    if node.op_type in _EVALUATED:
        flat = _evaluate(graph, node, node.outputs.index(tensor), shapes[source], shape)
        if flat is not None and flat.shape == shape:
            return Moved((source,), flat=flat.ravel())
    return None


def casts_to_float(node: Node) -> bool:
    """Whether a Cast keeps fractions."""
    return node.attributes.get("to") in _FLOATS


def _keeps_all(node: Node, shape: tuple[int, ...], source: tuple[int, ...] | None) -> bool:
    return source == shape and (node.op_type == "Identity" or casts_to_float(node))


def _positions(shape: tuple[int, ...]) -> Positions:
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


def _joined(node: Node, shape: tuple[int, ...], shapes: Shapes) -> Moved | None:
    sources = tuple(node.inputs)
    known = [shapes.get(s) for s in sources]
    if math.prod(shape) > _MOST or any(k is None for k in known):
        return None
    axis = int(node.attributes["axis"])
    try:
        flat = np.concatenate([_positions(k) for k in known if k is not None], axis=axis)
        which = np.concatenate(
            [np.full(k, i, np.int64) for i, k in enumerate(known) if k is not None], axis=axis
        )
    except ValueError:  # the shapes do not fit one another
        return None
    return Moved(sources, which.ravel(), flat.ravel()) if flat.shape == shape else None


def _evaluate(
    graph: Graph, node: Node, number: int, source: tuple[int, ...], shape: tuple[int, ...]
) -> NDArray[Any] | None:
    feeds: dict[str, NDArray[Any]] = {node.inputs[0]: _positions(source)}
    for name in node.inputs[1:]:
        if name and not graph.is_constant(name):
            return None
        if name:
            feeds[name] = graph.constant(name)
    read = [v.size for v in feeds.values()]
    work = work_of(node.op_type, read, [math.prod(shape)], numbers=whole_numbers(node))
    if work is None or work > _MOST_WORK:
        return None
    return evaluated(graph, node, feeds, node.outputs[number])
