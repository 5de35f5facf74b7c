"""Whether a graph computes in integers, and how coarse the values of a quantised tensor are."""

from __future__ import annotations

from onnxplain.graph.view import Graph

_ROUNDS = ("QuantizeLinear", "DynamicQuantizeLinear")
_HANDS_ON = frozenset("Reshape Flatten Squeeze Unsqueeze Transpose Cast Identity".split())


def rounds_values(graph: Graph) -> bool:
    """Whether some node rounds activations to integers.

    Then a difference in the last bit may become a whole step.
    """
    return any(n.op_type in _ROUNDS or n.op_type.startswith("QLinear") for n in graph.nodes)


def quantisation_step(graph: Graph, tensor: str) -> float:
    """Distance of neighbouring values of a tensor, in its own unit.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    tensor : str
        Any tensor of it.

    Returns
    -------
    float
        The largest scale of the DequantizeLinear that it comes out of; 0 if it does not,
        or if the scale is computed.
    """
    node = graph.producers.get(tensor)
    while node is not None and not node.domain and node.op_type in _HANDS_ON:
        node = graph.producers.get(node.inputs[0])
    if node is None or node.op_type != "DequantizeLinear" or not graph.is_constant(node.inputs[1]):
        return 0.0
    return float(graph.constant(node.inputs[1]).max(initial=0.0))
