"""The oldest operators in which derivatives are written."""

from __future__ import annotations

import onnx
from onnx import version_converter

from onnxplain.boundary import foreign
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Graph

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
    return Graph(newer, graph.origin, graph.weights, graph.left_out, graph.wrapped)
