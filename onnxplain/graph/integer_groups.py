"""Nodes between DequantizeLinear and QuantizeLinear that ONNX Runtime computes in integers.

Its optimiser replaces such a group by one operator (QLinearConv, QLinearAdd, ...), whose
roundings are others than those of floats. The groups are those of its CPU provider:
``onnxruntime/core/optimizer/qdq_transformer/selectors_actions``, files
``qdq_selector_action_transformer.cc`` and ``qdq_selectors.cc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.view import Graph, Node

# How many operands have to be dequantised; a third one is a bias.
_OPERANDS = {
    **dict.fromkeys(("Conv", "MatMul", "Gemm", "Add", "Mul"), 2),
    **dict.fromkeys(("GlobalAveragePool", "Softmax"), 1),
}
_SUMS = frozenset({"Conv", "MatMul", "Gemm"})
# Without QuantizeLinear after them, these become operators that return floats.
_MAY_STAY_FLOAT = frozenset({"MatMul", "Gemm"})


@dataclass(frozen=True)
class Grid:
    """The values ``(q - zero) * scale`` that a quantised tensor can hold.

    Attributes
    ----------
    scale : (K,) float32 array
        K is 1, or the number of channels.
    zero : (K,) array of int8 or uint8
        Its element type is that of q.
    """

    scale: NDArray[np.float32]
    zero: NDArray[np.integer]

    @property
    def low(self) -> float:
        """Smallest value."""
        return float((np.iinfo(self.zero.dtype).min - self.zero[0].astype(int)) * self.scale[0])

    @property
    def high(self) -> float:
        """Largest value."""
        return float((np.iinfo(self.zero.dtype).max - self.zero[0].astype(int)) * self.scale[0])


@dataclass(frozen=True)
class IntegerGroup:
    """What the integers of a node's operands and of its result stand for.

    Attributes
    ----------
    operands : tuple of Grid
        One or two; the second one of a sum may have a scale for each output channel.
    result : Grid or None
        ``None`` if the result stays floating.
    """

    operands: tuple[Grid, ...]
    result: Grid | None


def find_integer_groups(graph: Graph) -> Mapping[int, IntegerGroup]:
    """Return the groups of a graph, by the index of the node inside.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    """
    outputs = {o.name for o in graph.outputs}
    found = {node.index: _group(graph, node, outputs) for node in graph.nodes}
    return {index: group for index, group in found.items() if group is not None}


def _group(graph: Graph, node: Node, outputs: set[str]) -> IntegerGroup | None:
    count = _OPERANDS.get(node.op_type, 0)
    if node.domain or not count or not _plain_product(node) or not _bias_is_whole(graph, node):
        return None
    operands = [_dequantised(graph, name, outputs) for name in node.inputs[:count]]
    known = tuple(grid for grid in operands if grid is not None)
    if len(known) < count or not _kernel_takes(node, known):
        return None
    result = None if node.output in outputs else _quantised_after(graph, node.output, outputs)
    if result is None:
        floats = node.op_type in _MAY_STAY_FLOAT and not _is_quantised(graph, node.output)
        return IntegerGroup(known, None) if floats else None
    return IntegerGroup(known, result) if result.zero.dtype == known[0].zero.dtype else None


def _kernel_takes(node: Node, operands: tuple[Grid, ...]) -> bool:
    """Whether there is an integer operator for these element types and scales, on x86-64."""
    first, last = operands[0], operands[-1]
    if first.scale.size > 1:
        return False
    if node.op_type not in _SUMS:
        return last.scale.size == 1 and first.zero.dtype == last.zero.dtype
    if first.zero.dtype == np.uint8:
        return True
    return node.op_type == "Gemm" and last.zero.dtype == np.int8


def _plain_product(node: Node) -> bool:
    factors = (node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0))
    return node.op_type != "Gemm" or (factors == (1.0, 1.0) and not node.attributes.get("transA"))


def _bias_is_whole(graph: Graph, node: Node) -> bool:
    if node.op_type not in _SUMS or len(node.inputs) < 3 or not node.inputs[2]:
        return True
    writer = graph.producers.get(node.inputs[2])
    if writer is None or writer.op_type != "DequantizeLinear":
        return False
    source = writer.inputs[0]
    return graph.is_constant(source) and graph.constant(source).dtype == np.int32


def _dequantised(graph: Graph, name: str, outputs: set[str]) -> Grid | None:
    writer = graph.producers.get(name)
    if writer is None or writer.op_type != "DequantizeLinear" or writer.domain:
        return None
    return _grid(graph, writer, _turns_unsigned(graph, writer.inputs[0], outputs))


def _grid(graph: Graph, node: Node, unsigned: bool) -> Grid | None:
    """Constant scale and zero point of QuantizeLinear or DequantizeLinear, in 8 bits."""
    constants = [n for n in node.inputs[1:] if n and graph.is_constant(n)]
    if len(constants) != 2 or node.attributes.get("block_size", 0):
        return None
    scale, zero = (graph.constant(n).reshape(-1) for n in constants)
    if zero.dtype not in (np.uint8, np.int8) or scale.dtype != np.float32:
        return None
    if unsigned and zero.dtype == np.int8:
        zero = (zero.astype(np.int16) + 128).astype(np.uint8)
    return Grid(scale, zero)


def _turns_unsigned(graph: Graph, name: str, outputs: set[str]) -> bool:
    """Whether ONNX Runtime would turn int8 numbers into uint8 ones, as it does on x86-64.

    It does so between a QuantizeLinear and its only DequantizeLinear, after it gave each
    reader a DequantizeLinear of its own (``qdq_s8_to_u8.cc``).
    """
    writer = graph.producers.get(name)
    if writer is None or writer.op_type != "QuantizeLinear" or name in outputs:
        return False
    readers = graph.consumers.get(name, ())
    if len(readers) != 1 or readers[0].op_type != "DequantizeLinear":
        return False
    read = readers[0].output
    uses = sum(node.inputs.count(read) for node in graph.consumers.get(read, ()))
    return uses + (read in outputs) == 1


def _is_quantised(graph: Graph, name: str) -> bool:
    return any(n.op_type == "QuantizeLinear" for n in graph.consumers.get(name, ()))


def _quantised_after(graph: Graph, name: str, outputs: set[str]) -> Grid | None:
    """Grid of the QuantizeLinear that alone reads a tensor, if need be after its ReLU."""
    readers = graph.consumers.get(name, ())
    clip = None
    if len(readers) == 1 and not readers[0].domain and readers[0].op_type in ("Relu", "Clip"):
        clip = readers[0]
        if clip.output in outputs:
            return None
        readers = graph.consumers.get(clip.output, ())
    if len(readers) != 1 or readers[0].op_type != "QuantizeLinear" or readers[0].domain:
        return None
    grid = _grid(graph, readers[0], _turns_unsigned(graph, readers[0].output, outputs))
    if grid is None or grid.scale.size > 1:
        return None
    return grid if clip is None or _is_redundant(graph, clip, grid) else None


def _is_redundant(graph: Graph, clip: Node, grid: Grid) -> bool:
    """Whether the range of a quantisation lies within that of a ReLU or Clip."""
    low, high = clip_range(graph, clip)
    slack = float(np.finfo(np.float32).eps)
    return low - grid.low <= slack and grid.high - high <= slack


def clip_range(graph: Graph, node: Node) -> tuple[float, float]:
    """Bounds of a Relu or Clip; NaN for one that is computed."""
    if node.op_type == "Relu":
        return 0.0, float("inf")
    bounds = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    for k, name in enumerate(node.inputs[1:3]):
        if name:
            bounds[k] = float(graph.constant(name)) if graph.is_constant(name) else float("nan")
    return float(bounds[0]), float(bounds[1])
