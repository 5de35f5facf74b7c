"""Which composite a network gets when nobody names one."""

from __future__ import annotations

from onnxplain.graph.view import Graph
from onnxplain.relevance.gates import constant_operand
from onnxplain.relevance.kinds import BILINEAR

_FUSED_ATTENTION = frozenset({"Attention", "MultiHeadAttention"})


def default_composite(graph: Graph) -> str:
    """Name of the composite that suits a graph.

    Parameters
    ----------
    graph : Graph
        The prepared graph.

    Returns
    -------
    str
        ``attn-lrp`` where a Softmax weighs another signal, as in attention, and
        ``epsilon-gamma-box`` otherwise.
    """
    return "attn-lrp" if has_attention(graph) else "epsilon-gamma-box"


def has_attention(graph: Graph) -> bool:
    """Whether attention weights multiply another signal somewhere."""
    signals = graph.descendants_of_inputs
    return any(
        node.op_type in _FUSED_ATTENTION
        or (
            node.operator in BILINEAR
            and signals.issuperset(node.inputs[:2])
            and constant_operand(graph, node) is not None
        )
        for node in graph.nodes
    )
