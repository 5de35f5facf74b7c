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
        If a name is not a constant, or shape or element type change.
    """
    for name, value in values.items():
        if not graph.is_constant(name):
            raise UsageError(f"tensor {name!r} is not a constant of the graph")
        old = graph.constant(name)
        if (value.shape, value.dtype) != (old.shape, old.dtype):
            raise UsageError(
                f"constant {name!r} is {old.dtype} of shape {old.shape}; {value.dtype} of shape "
                f"{value.shape} cannot replace it"
            )
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    for tensor in model.graph.initializer:
        if tensor.name in values and tensor.name not in graph.weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values[tensor.name], tensor.name))
    weights = {name: values.get(name, array) for name, array in graph.weights.items()}
    return Graph(model, graph.origin, weights, graph.left_out)


def with_mask_inputs(
    graph: Graph, masks: Mapping[str, NDArray[Any]]
) -> tuple[Graph, dict[str, str]]:
    """Copy a graph in which everything reads some tensors times a mask, a further input.

    Since the masks are inputs, one session serves any number of them.

    Parameters
    ----------
    graph : Graph
        The original.
    masks : mapping of str to array
        For each tensor a mask of the shape and element type that will be fed; broadcastable
        to it, of its element type. The tensor itself keeps its name and value.

    Returns
    -------
    Graph
        The copy.
    dict of str to str
        Name of the input by which each tensor is masked.

    Raises
    ------
    UsageError
        If a name is not a tensor that a node writes.
    """
    for name in masks:
        if name not in graph.producers:
            raise UsageError(f"tensor {name!r} is not written by any node, so it cannot be masked")
    taken = {*graph.tensor_names(), *graph.constant_names}
    masked = {name: _unused(f"{name}_masked", taken) for name in masks}
    factors = {name: _unused(f"{name}_mask", taken) for name in masks}
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.node[:]
    for original in graph.model.graph.node:
        node = model.graph.node.add()
        node.CopyFrom(original)
        for k, name in enumerate(node.input):
            node.input[k] = masked.get(name, name)
        for name in set(node.output) & masks.keys():
            operands = [name, factors[name]]
            model.graph.node.append(onnx.helper.make_node("Mul", operands, [masked[name]]))
    for name, mask in masks.items():
        kind = onnx.helper.np_dtype_to_tensor_dtype(mask.dtype)
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(factors[name], kind, mask.shape)
        )
    return Graph(model, graph.origin, graph.weights, graph.left_out), factors


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
