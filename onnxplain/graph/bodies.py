"""The graphs inside of an If, a Loop or a Scan, as graphs of their own.

What a body captures from around it is declared as an input after its own, so that whoever
reads or converts it need not know where it stood.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from onnxplain.graph.view import Graph, Node, captured_by

CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})


def is_control_flow(node: Node) -> bool:
    """Whether the values decide what the node runs, or how often."""
    return node.op_type in CONTROL_FLOW and not node.domain


def bodies_of(node: Node, graph: Graph) -> dict[str, Graph]:
    """Graphs that a node runs, by attribute.

    Parameters
    ----------
    node : Node
        Any node of `graph`; most have none.
    graph : Graph
        Where it stands; its operator sets hold inside as well.

    Returns
    -------
    dict of str to Graph
        With the inputs of the body first, then the tensors that it captures.
    """
    return {
        key: _body(value, graph)
        for key, value in node.attributes.items()
        if isinstance(value, onnx.GraphProto)
    }


def _body(proto: onnx.GraphProto, graph: Graph) -> Graph:
    model = onnx.ModelProto(
        graph=proto, ir_version=graph.model.ir_version, opset_import=graph.model.opset_import
    )
    model.graph.input.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in captured_by(proto)
    )
    return Graph(model)


def nodes_with_bodies(graph: Graph) -> Iterator[tuple[Node, Graph]]:
    """Every node of a graph and of the bodies in it, each with the graph that it stands in."""
    for node in graph.nodes:
        yield node, graph
        for body in bodies_of(node, graph).values():
            yield from nodes_with_bodies(body)
