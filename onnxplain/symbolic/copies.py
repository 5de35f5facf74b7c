"""A second forward pass beside the file's own, on other inputs or kept apart from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx

from onnxplain.errors import ConversionError
from onnxplain.graph.extract import find_part
from onnxplain.graph.view import Graph, captured_by
from onnxplain.symbolic.builder import Builder


def copy_forward(
    graph: Graph,
    build: Builder,
    wanted: Sequence[str],
    given: dict[str, str],
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


def needed_nodes(nodes: Sequence[onnx.NodeProto], wanted: Iterable[str]) -> list[onnx.NodeProto]:
    """Return the nodes that some tensors are computed from, in their order."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(i for i in node.input if i)
            for attribute in node.attribute:
                needed.update(captured_by(attribute.g))
            kept.append(node)
    return kept[::-1]
