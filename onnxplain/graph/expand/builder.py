"""Collect the standard nodes that stand for one fused or integer node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.view import Graph, Node


class CannotExpandError(Exception):
    """The node has a form that is not written out; it stays as it is."""


class Builder:
    """Nodes and initializers in the place of one node.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        The node that is written out; new tensors are named after its output.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In topological order.
    initializers : list of onnx.TensorProto
        Constants that they read.
    replaced : set of int
        Indices of the nodes whose place they take.
    """

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self.node = node
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.replaced = {node.index}

    def add(self, op_type: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append a node with one output, and return the name of that tensor."""
        output = output or f"{self.node.output}/{op_type}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op_type, list(inputs), [output], **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Add an initializer, and return its name."""
        name = f"{self.node.output}/constant_{len(self.initializers)}"
        self.initializers.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def number(self, value: float) -> str:
        """Add a single floating-point number."""
        return self.constant(np.array(value, np.float32))

    def read(self, name: str) -> NDArray[Any]:
        """Value of a constant operand.

        Raises
        ------
        CannotExpandError
            If it is computed.
        """
        if not self.graph.is_constant(name):
            raise CannotExpandError
        return self.graph.constant(name)

    def optional(self, position: int) -> str:
        """Name of an operand; empty if it is absent."""
        inputs = self.node.inputs
        return inputs[position] if position < len(inputs) else ""


def attributes_of(node: Node, *without: str) -> dict[str, Any]:
    """Attributes of a node but for some."""
    given: Mapping[str, Any] = node.attributes
    return {k: v for k, v in given.items() if k not in without}
