"""Where a node stands, as a composite sees it: its kind, its names, first or last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.composites import BILINEAR, CONV, CONVOLUTION, DENSE, Site
from onnxplain.relevance.kinds import BILINEAR as PRODUCTS


def sites(
    graph: Graph,
    dynamic: AbstractSet[str],
    chains: Mapping[str, tuple[str, ...]],
    outputs: Sequence[str],
) -> dict[str, Site]:
    """Describe every node between the explained input and the outputs.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    dynamic : set of str
        Tensors that depend on the explained input.
    chains : mapping of str to tuple of str
        For each node with weights, its output tensor, and the tensors after it up to the
        last one of those that are merged with it.
    outputs : sequence of str
        Tensors at which relevance is seeded.

    Returns
    -------
    dict of str to Site
        By the first output tensor of each node.
    """
    way = set().union(*map(graph.ancestors, outputs)) & dynamic
    nodes = [n for n in graph.nodes if not way.isdisjoint(n.outputs)]
    after_weights: set[str] = set()
    for node in nodes:
        if node.output in chains or not after_weights.isdisjoint(node.inputs):
            after_weights.update(node.outputs)
    before_weights: set[str] = set()
    for node in reversed(nodes):
        if node.output in chains or not before_weights.isdisjoint(node.outputs):
            before_weights.update(node.inputs)
    found = {}
    for node in nodes:
        positions = set()
        if node.output in chains:
            if after_weights.isdisjoint(node.inputs):
                positions.add("first")
            if before_weights.isdisjoint(node.outputs):
                positions.add("last")
        names = dict.fromkeys((*node.outputs, *chains.get(node.output, ()), node.name))
        found[node.output] = Site(
            _kinds(node, node.output in chains, dynamic),
            tuple(n for n in names if n),
            frozenset(positions),
        )
    return found


def _kinds(node: Node, weighted: bool, dynamic: AbstractSet[str]) -> frozenset[str]:
    kinds = {node.operator}
    if weighted:
        kinds.add(CONVOLUTION if node.op_type in CONV else DENSE)
    elif node.operator in PRODUCTS and sum(i in dynamic for i in node.inputs[:2]) == 2:
        kinds.add(BILINEAR)
    return frozenset(kinds)
