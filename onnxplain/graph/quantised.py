"""Whether a graph computes in integers, and how coarse the values of a quantised tensor are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.view import Graph, Node

_ROUNDS = ("QuantizeLinear", "DynamicQuantizeLinear")
_HANDS_ON = frozenset("Reshape Flatten Squeeze Unsqueeze Transpose Cast Identity MaxPool".split())


def rounds_values(graph: Graph) -> bool:
    """Whether some node rounds activations to integers.

    Then a difference in the last bit may become a whole step.
    """
    return any(n.op_type in _ROUNDS or n.op_type.startswith("QLinear") for n in graph.nodes)


# Where scale and zero point of their result stand among the inputs.
_OWN_SCALE = {
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul"), 6),
    **dict.fromkeys(("QLinearSoftmax", "QLinearSigmoid", "QLinearLeakyRelu"), 3),
    **dict.fromkeys(("QLinearAveragePool", "QLinearGlobalAveragePool"), 3),
    "QuantizeLinear": 1,
    "QGemm": 7,
    "QLinearConcat": 0,
}


# Their integers are worth what the picture says, not what the file says.
_SCALE_OF_THE_PICTURE = frozenset({"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"})
_STEPS = ("int8", "uint8", "int16", "uint16")


def scale_and_zero(graph: Graph, tensor: str) -> tuple[float, float]:
    """What the whole numbers of a quantised tensor stand for: ``(q - zero) * scale``.

    Returns
    -------
    (float, float)
        1 and 0 for a tensor that is not quantised, or not by two constants for all of it.
    """
    node = _writer(graph, tensor)
    return (node and _constants(graph, node)) or (1.0, 0.0)


def require_known_scale(graph: Graph, tensor: str, dtype: np.dtype[Any]) -> None:
    """Refuse integers that stand for other numbers, if it is not known for which.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    tensor : str
        Any tensor of it.
    dtype : numpy.dtype
        Of its values; PyTorch keeps whole numbers as floats.

    Raises
    ------
    MethodRefusedError
        If the scale depends on the picture or the channel, or its operator is not known.
    """
    node = _writer(graph, tensor)
    if node is None or _constants(graph, node) is not None:
        return
    quantised = node.op_type in _OWN_SCALE or node.op_type in _SCALE_OF_THE_PICTURE
    if quantised or dtype.name in _STEPS:
        raise MethodRefusedError(
            f"layer {tensor!r} holds {dtype} numbers whose scale is not known; name the layer "
            "after its DequantizeLinear with --layer"
        )


def _writer(graph: Graph, tensor: str) -> Node | None:
    """The node that computes a tensor, not one that only hands it on."""
    node = graph.producers.get(tensor)
    while node is not None and not node.domain and node.op_type in _HANDS_ON:
        node = graph.producers.get(node.inputs[0])
    return node


def _constants(graph: Graph, node: Node) -> tuple[float, float] | None:
    """Scale and zero point of a node's result, if both are constants for all of it."""
    place = _OWN_SCALE.get(node.op_type)
    if place is None or len(node.inputs) <= place:
        return None
    found = [graph.constant(n) for n in node.inputs[place : place + 2] if graph.is_constant(n)]
    if not found or any(v.size != 1 for v in found):
        return None
    scale, *zero = (float(v.reshape(())) for v in found)
    return scale, zero[0] if zero else 0.0


def real_values(graph: Graph, tensor: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the numbers that the values of a tensor stand for: themselves, if not quantised.

    Raises
    ------
    MethodRefusedError
        See `require_known_scale`.
    """
    require_known_scale(graph, tensor, values.dtype)
    scale, zero = scale_and_zero(graph, tensor)
    return (values.astype(np.float64) - zero) * scale


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
        The largest scale of the DequantizeLinear that it comes out of, or of the
        QuantizeLinear after a Softmax, whose integer kernel takes the whole part of
        1 / scale; 0 if there is none, or if the scale is computed.
    """
    writer = graph.producers.get(tensor)
    if writer is not None and writer.op_type == "Softmax":
        readers = [n for n in graph.consumers.get(tensor, ()) if n.op_type == "QuantizeLinear"]
        return max((_largest_scale(graph, n) for n in readers), default=0.0)
    node = _writer(graph, tensor)
    if node is None or node.op_type != "DequantizeLinear":
        return 0.0
    return _largest_scale(graph, node)


def _largest_scale(graph: Graph, node: Node) -> float:
    scale = node.inputs[1]
    return float(graph.constant(scale).max(initial=0.0)) if graph.is_constant(scale) else 0.0
