"""What the numbers of a detector come from: activations, and the places of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from onnxplain.graph.answers.part import PROBABLE, Part
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node
from onnxplain.targets.boxes.columns import Columns

_CONVOLUTIONS = frozenset({"Conv", "QLinearConv", "ConvInteger", "ConvTranspose"})
_PRODUCTS = frozenset({"Gemm", "MatMul", "QLinearMatMul", "MatMulInteger", "Einsum"})
_ADDS = frozenset({"Add", "Sub", "Sum", "QLinearAdd"})
# A number for each of four sides is no place.
_FEW = 4
_LARGEST = 1 << 24


def activated(tracer: Tracer, columns: Columns) -> bool | None:
    """Whether a Sigmoid or Softmax of the graph made numbers; ``None`` for some of them alone."""
    found = {p.kind in PROBABLE and p.plain for p in _parts(tracer, columns)}
    return found.pop() if len(found) == 1 else None


def are_offsets(tracer: Tracer, columns: Columns) -> bool:
    """Whether numbers are what convolutions write, to which nothing has added places of cells.

    Such numbers count from cells or anchors that the file does not hold, whatever they look like.
    """
    ends = {p.anchor.tensor for p in _parts(tracer, columns)}
    return bool(ends) and _only_convolved(tracer.graph, tracer.shapes, ends)


def are_raw(tracer: Tracer, columns: Columns) -> bool:
    """Whether numbers are those of convolutions, only moved: not even activated."""
    parts = list(_parts(tracer, columns))
    nodes = [tracer.graph.producers.get(p.anchor.tensor) for p in parts if p.plain]
    convolved = [n for n in nodes if n is not None and n.op_type in _CONVOLUTIONS]
    return bool(parts) and len(convolved) == len(parts)


def _parts(tracer: Tracer, columns: Columns) -> Iterator[Part]:
    """Parts of the graph's tensors that some of the numbers belong to."""
    for tensor in columns.tensors:
        shape = tracer.shapes.get(tensor)
        if shape is None or math.prod(shape) > _LARGEST:
            return
        positions = np.arange(math.prod(shape)).reshape(shape)
        read = replace(columns.plain, tensors=(tensor,)).read({tensor: positions})
        mine = np.zeros(math.prod(shape), bool)
        mine[np.rint(read).astype(np.int64)] = True
        for part in tracer.parts(tensor):
            if part.slots is None or mine[part.slots].any():
                yield part


def _only_convolved(graph: Graph, shapes: Shapes, ends: set[str]) -> bool:
    """Whether all ways back from tensors lead to convolutions, past no sum with places."""
    learned = [n.output for n in graph.nodes if n.op_type in _CONVOLUTIONS | _PRODUCTS]
    follows = graph.descendants(learned)
    seen: set[str] = set()
    stack = list(ends)
    while stack:
        tensor = stack.pop()
        node = graph.producers.get(tensor)
        if tensor in seen or tensor not in follows or node is None:
            continue
        seen.add(tensor)
        if node.op_type in _CONVOLUTIONS:
            continue
        if node.op_type in _PRODUCTS or node.domain not in ("", "com.microsoft"):
            return False
        if node.op_type in _ADDS and _adds_places(graph, shapes, follows, node):
            return False
        stack.extend(node.reads)
    return bool(seen)


def _adds_places(graph: Graph, shapes: Shapes, follows: set[str], node: Node) -> bool:
    """Whether a sum has an operand that may hold the places of cells, and is no bias."""
    for other in (i for i in node.reads if i not in follows):
        shape = shapes.get(other)
        if shape is None:
            return True
        if math.prod(shape) <= _FEW:
            continue
        (learned,) = [i for i in node.reads if i in follows][:1] or ("",)
        before, channels = graph.producers.get(learned), shapes.get(learned, ())[1:2]
        longer = tuple(n for n in shape if n > 1)
        of_convolution = before is not None and before.op_type in _CONVOLUTIONS
        if not (of_convolution and longer == channels):
            return True
    return False
