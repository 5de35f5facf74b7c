"""Copies of a prepared graph with other constants: the graph itself is never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.view import Graph


def with_constants(graph: Graph, values: Mapping[str, NDArray[Any]]) -> Graph:
    """Copy a graph, with some of its constants exchanged.

    Parameters
    ----------
    graph : Graph
        The original.
    values : mapping of str to array
        New values by name, each of the old shape and element type.

    Raises
    ------
    UsageError
        If a name is no constant, or shape or element type change.
    """
    for name, value in values.items():
        if not graph.is_constant(name):
            raise UsageError(f"tensor {name!r} is no constant of the graph")
        old = graph.constant(name)
        if (value.shape, value.dtype) != (old.shape, old.dtype):
            raise UsageError(
                f"constant {name!r} is {old.dtype} of shape {old.shape}; "
                f"{value.dtype} of shape {value.shape} cannot stand for it"
            )
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    for tensor in model.graph.initializer:
        if tensor.name in values and tensor.name not in graph.weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values[tensor.name], tensor.name))
    weights = {name: values.get(name, array) for name, array in graph.weights.items()}
    return Graph(model, graph.origin, weights)
