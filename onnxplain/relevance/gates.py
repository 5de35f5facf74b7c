"""Recognise gates: products that decide how much of a signal passes.

SiLU, HardSwish, GELU and Mish arrive from exporters in pieces, as ``x * sigmoid(x)`` and
the like. Relevance must treat such a region as one function of x; a product with a gate
computed from elsewhere (squeeze-and-excitation) hands its relevance to the signal
(Arras et al. 2017, "Explaining Recurrent Neural Network Predictions in Sentiment
Analysis", section 3.1).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.kinds import ELEMENTWISE, GATES

_BINARY = frozenset({"Add", "Sub", "Mul", "Div"})
_PASSIVE = frozenset("Reshape Transpose Squeeze Unsqueeze Flatten Expand Cast Slice".split())
# A normaliser ends in one of these: x * 1/sqrt(mean(x^2)), x * rsqrt(var).
_NORMALISERS = frozenset({"Reciprocal", "Sqrt"})
_SEARCH_DEPTH = 4


def self_gates(graph: Graph, dynamic: AbstractSet[str]) -> dict[str, str]:
    """Products and quotients that are one elementwise function of one tensor.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    dynamic : set of str
        Tensors that depend on the explained input.

    Returns
    -------
    dict of str to str
        Output tensor of the last node of each region, and the tensor it is a function of.
    """
    # For each tensor: itself, then the tensors that it is an elementwise function of, from
    # the nearest on.
    sources: dict[str, tuple[str, ...]] = {}
    found: dict[str, str] = {}
    for node in graph.nodes:
        operands = [i for i in node.inputs if i in dynamic]
        if not operands or node.output not in dynamic:
            continue
        for name in operands:
            sources.setdefault(name, (name,))
        sources[node.output] = (node.output,)
        single = node.operator in ELEMENTWISE or node.operator in _BINARY
        root = _meeting_point([sources[i] for i in operands]) if single else None
        if root is None:
            continue
        sources[node.output] = (node.output, *sources[root])
        if node.op_type in ("Mul", "Div") and set(operands) != {root} and len(operands) > 1:
            found[node.output] = root
    return found


def _meeting_point(chains: list[tuple[str, ...]]) -> str | None:
    """Nearest tensor that is in every chain.

    The nearest one, because relevance has to arrive after the bias that a weighted node
    takes in, not in front of it.
    """
    first, *others = chains
    return next((t for t in first if all(t in chain for chain in others)), None)


def constant_operand(graph: Graph, node: Node) -> int | None:
    """Which operand of a product CP-LRP holds constant: attention weights, or a gate.

    Returns
    -------
    int or None
        0 or 1; ``None`` when neither or both operands come out of one.
    """
    gates = [k for k, name in enumerate(node.inputs[:2]) if _ends_in_gate(graph, name)]
    return gates[0] if len(gates) == 1 else None


def signal_operand(graph: Graph, node: Node) -> int | None:
    """Which operand of a product is the signal, when the other one is a gate.

    Returns
    -------
    int or None
        0 or 1; ``None`` when neither or both operands are gates.
    """
    constant = constant_operand(graph, node)
    return None if constant is None else 1 - constant


def _ends_in_gate(graph: Graph, tensor: str) -> bool:
    for _ in range(_SEARCH_DEPTH):
        node = graph.producers.get(tensor)
        if node is None:
            return False
        if node.operator in GATES or node.operator in _NORMALISERS:
            return True
        if node.op_type not in _PASSIVE:
            return False
        tensor = node.inputs[0]
    return False
