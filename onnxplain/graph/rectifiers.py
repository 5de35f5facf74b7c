"""ReLUs that a quantiser absorbed: QuantizeLinear whose range begins at zero.

Quantisers leave a ReLU or ReLU6 out where the range of the integers cuts off the same
numbers. The function is still there: a QuantizeLinear with its zero point at the lower end,
after a sum that may be negative, is that ReLU.
"""

from __future__ import annotations

import numpy as np

from onnxplain.graph.integer_groups import clip_range
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.view import Graph, Node

# What networks put a ReLU after; numbers of either sign.
_BEFORE_RELU = frozenset("Conv ConvTranspose Gemm MatMul Add Sub BatchNormalization".split())
_POSITIVE = having(Trait.POSITIVE)
_KEEPING = having(Trait.KEEPS_SIGN)
_FIRST_ONLY = having(Trait.FIRST_ONLY)


def rectified_root(graph: Graph, node: Node) -> str:
    """Tensor that an absorbed ReLU reads.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        Any node; an absorbed ReLU is a QuantizeLinear.

    Returns
    -------
    str
        Empty for any other node, and where the quantisation cuts nothing off at zero.
    """
    if node.op_type != "QuantizeLinear" or not _starts_at_zero(graph, node):
        return ""
    source = node.inputs[0]
    before = graph.producers.get(source)
    if before is None or before.op_type not in _BEFORE_RELU:
        return ""  # pixels from 0 to 1 start at zero, too
    return "" if never_negative(graph, source) else source


def _starts_at_zero(graph: Graph, node: Node) -> bool:
    if len(node.inputs) < 3 or not graph.is_constant(node.inputs[2]):
        return False
    zero = graph.constant(node.inputs[2])
    return zero.dtype.kind in "iu" and bool(np.all(zero == np.iinfo(zero.dtype).min))


def never_negative(graph: Graph, tensor: str) -> bool:
    """Whether a tensor holds no negative number, whatever the picture is.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    tensor : str
        The tensor.
    """
    if graph.is_constant(tensor):
        return bool(np.all(graph.constant(tensor) >= 0))
    node = graph.producers.get(tensor)
    if node is None or node.domain:
        return False
    if node.op_type == "DequantizeLinear":
        return _starts_at_zero(graph, node)
    if node.op_type == "Clip":
        return clip_range(graph, node)[0] >= 0
    if node.op_type not in _KEEPING:
        return node.op_type in _POSITIVE
    read = node.inputs[:1] if node.op_type in _FIRST_ONLY else node.inputs
    return all(never_negative(graph, name) for name in read if name)
