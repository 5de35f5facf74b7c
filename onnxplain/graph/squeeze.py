"""Which axes a Squeeze takes away and an Unsqueeze puts in."""

from __future__ import annotations

from onnxplain.graph.view import Graph, Node


def squeezed_axes(graph: Graph, node: Node, rank: int) -> tuple[int, ...] | None:
    """Axes of a Squeeze or Unsqueeze, counted from the front.

    Parameters
    ----------
    graph : Graph
        The graph.
    node : Node
        The Squeeze or Unsqueeze.
    rank : int
        Rank of the longer side: of what a Squeeze reads, of what an Unsqueeze writes.

    Returns
    -------
    tuple of int or None
        In ascending order; ``None`` if the file does not fix them.
    """
    given = node.attributes.get("axes")
    if given is None and len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
        given = graph.constant(node.inputs[1]).reshape(-1).tolist()
    if given is None:
        return None
    axes = sorted(int(a) % rank for a in given)
    return tuple(axes) if len(set(axes)) == len(axes) else None
