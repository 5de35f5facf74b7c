"""Graphs written in ONNX's textual syntax, as they are: nothing is prepared."""

from __future__ import annotations

import numpy as np
import onnx

from onnxplain.graph.view import Graph


def model(body: str, inputs: str, outputs: str, opset: int = 17, **constants) -> onnx.ModelProto:
    """Make a model of nodes and named constants."""
    proto = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : {opset}, "com.microsoft" : 1]> '
        f"g ({inputs}) => ({outputs}) {{ {body} }}"
    )
    for name, value in constants.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return proto


def graph(body: str, inputs: str = "float[N,3,4,6] x", outputs: str = "float y", **more) -> Graph:
    """Make the view of such a model."""
    return Graph(model(body, inputs, outputs, **more))
