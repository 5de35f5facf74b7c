"""Sparse weights as dense ones, as ONNX Runtime takes them: nothing after reading knows others."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx

from onnxplain.errors import ModelFileError

# A few bytes of indices can stand for any number of zeros.
_MOST = 1 << 31


def without_sparse(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put dense tensors in the place of sparse initializers and constants.

    Parameters
    ----------
    model : onnx.ModelProto
        A checked model, with its weights; left unchanged.

    Returns
    -------
    onnx.ModelProto
        The model itself if it has no sparse tensor, else a copy.

    Raises
    ------
    ModelFileError
        If a dense tensor would take more than 2 GiB, or a sparse one contradicts itself.
    """
    if not _sparse(model):
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _fill_graph(copy.graph)
    for function in copy.functions:
        _fill_nodes(function.node)
    return copy


def _sparse(model: onnx.ModelProto) -> bool:
    nodes = (n for function in model.functions for n in function.node)
    return _graph_has_sparse(model.graph) or _nodes_have_sparse(nodes)


def _graph_has_sparse(graph: onnx.GraphProto) -> bool:
    return bool(graph.sparse_initializer) or _nodes_have_sparse(graph.node)


def _nodes_have_sparse(nodes: Iterable[onnx.NodeProto]) -> bool:
    return any(
        a.HasField("sparse_tensor") or any(map(_graph_has_sparse, _graphs(a)))
        for node in nodes
        for a in node.attribute
    )


def _graphs(attribute: onnx.AttributeProto) -> list[onnx.GraphProto]:
    return [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]


def _fill_graph(graph: onnx.GraphProto) -> None:
    for tensor in graph.sparse_initializer:
        graph.initializer.append(_dense(tensor))
    del graph.sparse_initializer[:]
    _fill_nodes(graph.node)


def _fill_nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    for node in nodes:
        for attribute in node.attribute:
            for graph in _graphs(attribute):
                _fill_graph(graph)
            if node.op_type == "Constant" and attribute.name == "sparse_value":
                value = _dense(attribute.sparse_tensor)
                attribute.CopyFrom(onnx.helper.make_attribute("value", value))


def _dense(tensor: onnx.SparseTensorProto) -> onnx.TensorProto:
    name, dims = tensor.values.name, tuple(tensor.dims)
    try:
        values = onnx.numpy_helper.to_array(tensor.values)
        places = onnx.numpy_helper.to_array(tensor.indices)
        count = math.prod(dims)
        if count * values.dtype.itemsize > _MOST:
            raise ValueError(f"as a dense one it would have {count:,} values")
        dense = np.zeros(dims, values.dtype)
        if places.ndim == 2:  # a row of coordinates for each value
            places = np.ravel_multi_index(tuple(places.T), dims)
        if places.size and places.min() < 0:
            raise ValueError(f"there is no place {places.min()}")
        dense.reshape(-1)[places] = values
        found = onnx.numpy_helper.from_array(dense, name)
        if found.data_type != tensor.values.data_type:
            raise ValueError("its element type has no NumPy array")
    except (ValueError, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"sparse tensor {name!r} cannot be read: {error}") from error
    return found
