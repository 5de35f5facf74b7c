"""Numbers that a graph computes of how many channels its picture has.

torch.chunk, exported with a free batch, cuts where such numbers say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.pixels import CHANNELS, Pixels
from onnxplain.graph.view import Graph, Node

_SAME = frozenset({"Identity", "Cast", "Unsqueeze", "Squeeze"})
_CALCULATED: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.floor_divide,
}
# What stands for the length of an axis that is no channels.
_UNKNOWN = -1


def counted(
    graph: Graph,
    node: Node,
    held: Mapping[str, Pixels],
    known: Mapping[str, NDArray[Any]],
) -> NDArray[Any] | None:
    """Value of what a node computes of shapes; ``None`` unless the channels alone decide it.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        A node that reads no values of the picture.
    held : mapping of str to Pixels
        Tensors that hold the picture.
    known : mapping of str to array
        Numbers that are known already.
    """
    if node.op_type == "Shape" and node.inputs[0] in held and not node.attributes:
        picture = held[node.inputs[0]]
        lengths = [picture.count if r == CHANNELS else _UNKNOWN for r in picture.roles]
        return np.array(lengths, np.int64)
    values = [graph.constant(i) if graph.is_constant(i) else known.get(i) for i in node.inputs]
    first = values[0] if values else None
    if first is None:
        return None
    if node.op_type == "Gather" and len(values) == 2 and values[1] is not None:
        return _entries(first, values[1])
    if np.any(first == _UNKNOWN) and node.inputs[0] in known:
        return None
    if node.op_type in _SAME:
        return first.reshape(-1)
    if node.op_type in _CALCULATED and len(values) == 2 and values[1] is not None:
        if (
            first.size != 1
            or values[1].size != 1
            or (node.op_type == "Div" and not values[1].all())
        ):
            return None
        return np.asarray(_CALCULATED[node.op_type](first, values[1])).reshape(-1)
    return None


def _entries(values: NDArray[Any], taken: NDArray[Any]) -> NDArray[Any] | None:
    if values.ndim != 1 or np.any(taken < -len(values)) or np.any(taken >= len(values)):
        return None
    found = values[taken.astype(int)].reshape(-1)
    return None if np.any(found == _UNKNOWN) else found
