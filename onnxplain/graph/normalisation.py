"""Does the graph normalise its input itself?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph, Node

_PASSIVE = frozenset({"Cast", "Transpose", "Identity", "Reshape"})


@dataclass(frozen=True)
class InnerNormalisation:
    """An affine map that the graph applies to its input before anything else.

    Attributes
    ----------
    scale, shift : float array
        Per channel, or a single value: the network proper sees ``x * scale + shift``.
    nodes : tuple of Node
        The nodes that do it.
    """

    scale: NDArray[Any]
    shift: NDArray[Any]
    nodes: tuple[Node, ...]

    def span(self, low: float, high: float) -> float:
        """Width of the range that [low, high] is mapped to."""
        return float(np.max(np.abs(self.scale)) * (high - low))


def find_normalisation(graph: Graph, image: ImageInput) -> InnerNormalisation | None:
    """Follow the input through additions and multiplications with constants.

    Returns
    -------
    InnerNormalisation or None
        ``None`` if the first thing that happens to the input is something else.
    """
    scale, shift = np.ones(1), np.zeros(1)
    nodes: list[Node] = []
    tensor = image.name
    while len(readers := graph.consumers.get(tensor, ())) == 1:
        node = readers[0]
        if node.op_type not in _PASSIVE:
            step = affine_step(graph, node, tensor)
            if step is None:
                break
            scale, shift = scale * step[0], shift * step[0] + step[1]
            nodes.append(node)
        tensor = node.output
    return InnerNormalisation(scale, shift, tuple(nodes)) if nodes else None


def affine_step(
    graph: Graph, node: Node, tensor: str
) -> tuple[NDArray[Any], NDArray[Any] | float] | None:
    """Scale and shift by which `node` makes its output of `tensor`, if that is all it does."""
    others = [i for i in node.inputs if i and i != tensor]
    if not all(graph.is_constant(i) for i in others):
        return None
    if node.op_type == "BatchNormalization":
        if node.attributes.get("spatial", 1) != 1:
            return None
        gamma, beta, mean, variance = (graph.constant(i).astype(np.float64) for i in others)
        factor = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        return factor, beta - mean * factor
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(others) != 1:
        return None
    value = graph.constant(others[0]).astype(np.float64).reshape(-1)
    if value.size > 4 or (node.op_type in ("Sub", "Div") and node.inputs[0] != tensor):
        return None
    one = np.ones(1)
    table: dict[str, tuple[NDArray[Any], NDArray[Any] | float]]
    table = {"Add": (one, value), "Sub": (one, -value), "Mul": (value, 0.0)}
    return table[node.op_type] if node.op_type in table else (1.0 / value, 0.0)
