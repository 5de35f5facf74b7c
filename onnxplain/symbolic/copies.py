"""A second forward pass beside the file's own, on other inputs or kept apart from it."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.errors import ConversionError
from onnxplain.graph.extract import find_part
from onnxplain.graph.view import Graph
from onnxplain.symbolic.builder import Builder


def copy_forward(
    graph: Graph, build: Builder, wanted: Sequence[str], given: dict[str, str]
) -> dict[str, str]:
    """Write what some tensors are computed from again; the weights are shared.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    build : Builder
        Where the nodes go.
    wanted : sequence of str
        The tensors.
    given : mapping of str to str
        Tensors that stand there already, under other names.

    Returns
    -------
    dict of str to str
        Name of every tensor of the copy.

    Raises
    ------
    ConversionError
        If a node on the way has a graph of its own.
    """
    names = dict(given)
    for node in find_part(graph, wanted, given).nodes:
        if node.captured:
            raise ConversionError(
                f"{node} holds a graph of its own, which cannot be written twice; `explain` runs "
                "the model in PyTorch"
            )
        build.copy(graph.model.graph.node[node.index], names)
    return names
