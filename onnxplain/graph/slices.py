"""What a Slice takes of which axis."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from onnxplain.graph.view import Graph, Node


def slice_parts(
    graph: Graph, node: Node, known: Mapping[str, NDArray[Any]] = MappingProxyType({})
) -> list[tuple[int, int, int, int]] | None:
    """Axis, start, end and step of each axis that a Slice cuts.

    Parameters
    ----------
    graph : Graph
        The graph.
    node : Node
        The Slice.
    known : mapping of str to array
        Values of tensors that are no constants of the file.

    Returns
    -------
    list of (int, int, int, int) or None
        Axes may count from the end; ``None`` if the file does not fix all of it.
    """
    parts: list[list[int] | None] = []
    for position, key in enumerate(("starts", "ends", "axes", "steps"), 1):
        given = node.attributes.get(key)
        if given is None and len(node.inputs) > position and node.inputs[position]:
            name = node.inputs[position]
            value = graph.constant(name) if graph.is_constant(name) else known.get(name)
            if value is None:
                return None
            given = value.reshape(-1).tolist()
        parts.append(given)
    starts, ends, axes, steps = parts
    if starts is None or ends is None:
        return None
    axes = axes or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        return None
    return list(zip(axes, starts, ends, steps, strict=True))
