"""The oldest operators in which derivatives are written."""

from __future__ import annotations

import onnx
from onnx import helper, version_converter

from onnxplain.boundary import foreign
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph, Node

# Before this one, a resized place was its number divided by the scale; onnx takes no note of it.
_RESIZE_SAYS_WHERE = 11
#: ScatterElements adds from here on; Softmax is along one axis, axes of ReduceSum are an input.
OLDEST = 16


def with_recent_opset(graph: Graph) -> Graph:
    """Return the graph, or one of the same tensors in a newer opset if it is an old one.

    Raises
    ------
    ConversionError
        If onnx cannot convert it.
    """
    if graph.opsets.get("", OLDEST) >= OLDEST:
        return graph
    with foreign(
        lambda why: ConversionError(
            f"the file is of opset {graph.opsets['']}, and onnx cannot bring it to {OLDEST}: {why}"
        )
    ):
        newer: onnx.ModelProto = version_converter.convert_version(graph.model, OLDEST)
    if graph.opsets[""] < _RESIZE_SAYS_WHERE:
        _resize_as_before(graph, newer)
    return Graph(newer, graph.origin, graph.weights, graph.left_out, graph.wrapped)


def _resize_as_before(graph: Graph, newer: onnx.ModelProto) -> None:
    """Let nodes that were Upsample or an old Resize take the elements that they took."""
    said: dict[str, dict[str, str]] = {}
    for node in graph.nodes:
        if node.operator in ("Upsample", "Resize"):
            places = {"coordinate_transformation_mode": "asymmetric"}
            if node.attributes.get("mode", "nearest") == "nearest":
                # As ONNX Runtime does it: up to the next element where a picture shrinks.
                places["nearest_mode"] = "ceil" if _shrinks(graph, node) else "floor"
            said[node.output] = places
    for proto in newer.graph.node:
        given = said.get(proto.output[0], {}) if proto.op_type == "Resize" else {}
        kept = [a for a in proto.attribute if a.name not in given]
        del proto.attribute[:]
        proto.attribute.extend(kept)
        proto.attribute.extend(helper.make_attribute(k, v) for k, v in given.items())


def _shrinks(graph: Graph, node: Node) -> bool:
    scales = node.attributes.get("scales")
    if scales is None and graph.is_constant(node.inputs[1]):
        scales = graph.constant(node.inputs[1])
    return scales is not None and min(scales) < 1
