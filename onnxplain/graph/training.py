"""Nodes that do when a model is used what belongs to its training."""

from __future__ import annotations

from collections.abc import Iterable

from onnxplain.graph.view import Graph, Node

# Y, running mean and variance, and the mean and inverse deviation that were used.
_TRAINING_OUTPUTS_BEFORE_14 = 5


def trains(node: Node) -> bool:
    """Whether a BatchNormalization node uses the statistics of what it is given.

    Before opset 14 no attribute says so: ONNX Runtime trains if there are five outputs.
    """
    return node.op_type == "BatchNormalization" and (
        bool(node.attributes.get("training_mode", 0))
        or len(node.outputs) == _TRAINING_OUTPUTS_BEFORE_14
    )


def described(node: Node) -> str:
    """A node as messages name it, with its mode where that matters."""
    mode = " in training mode" if trains(node) else ""
    return f"{node.operator}{mode} (tensor {node.output!r})"


def training_nodes(graph: Graph, tensors: Iterable[str]) -> list[Node]:
    """Such nodes that some tensors are computed from, in order; bodies are not entered."""
    wanted = set().union(*(graph.ancestors(t) for t in tensors))
    return [n for n in graph.nodes if trains(n) and n.output in wanted]
