"""Nodes that draw random numbers on the way to a result."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from onnxplain.graph.bodies import bodies_of, nodes_with_bodies
from onnxplain.graph.view import Graph, Node

# A seed among the attributes makes them no exception: ONNX Runtime starts a sequence with it
# when a session is opened, and each run takes the next numbers of it.
_ALWAYS = frozenset(
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Bernoulli Multinomial "
    "com.microsoft::Sampling".split()
)
# Draw if an input says so; by its position, and that of the share which is dropped.
_IN_TRAINING = {
    "Dropout": (2, 1),
    "com.microsoft::BiasDropout": (4, 3),
    "com.microsoft::BitmaskDropout": (2, 1),
    "com.microsoft::BitmaskBiasDropout": (4, 3),
}


def random_nodes(graph: Graph, tensors: Iterable[str]) -> list[Node]:
    """Nodes that draw random numbers from which some tensors are computed, in order.

    A random node in the body of an If, Loop or Scan counts as that node. What reads only the
    shape of random numbers is not random.
    """
    wanted = set(tensors)
    return [
        node
        for node in graph.nodes
        if _draws_anywhere(node, graph) and graph.descendants(filter(None, node.outputs)) & wanted
    ]


def _draws_anywhere(node: Node, graph: Graph) -> bool:
    bodies = bodies_of(node, graph).values()
    inside = ((body_node, where) for body in bodies for body_node, where in nodes_with_bodies(body))
    return _draws(node, graph) or any(_draws(body_node, where) for body_node, where in inside)


def _draws(node: Node, graph: Graph) -> bool:
    if node.operator in _ALWAYS:
        return True
    if node.operator not in _IN_TRAINING:
        return False
    training, ratio = (_input(node, k) for k in _IN_TRAINING[node.operator])
    return bool(training) and not (_is_zero(graph, training) or _is_zero(graph, ratio))


def _input(node: Node, position: int) -> str:
    return node.inputs[position] if len(node.inputs) > position else ""


def _is_zero(graph: Graph, name: str) -> bool:
    return bool(name) and graph.is_constant(name) and not np.any(graph.constant(name))
