"""A model without its large weights, for tools that a file of gigabytes is too much for.

Protocol buffers cannot be written beyond 2 GiB, not even in memory.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.external_data_helper import uses_external_data

Weights = dict[str, NDArray[Any]]

# Smaller initializers may be shapes or axes, which have to be read.
SMALL = 1024
# Models with more bytes of weights keep them beside the message, which would be a copy.
LARGE = 1 << 26
# What stands in the place of a file name for weights that are handed over in memory.
ELSEWHERE = "fed from memory"


def weights_size(model: onnx.ModelProto) -> int:
    """Bytes of all initializers, without what the format adds."""
    return sum(_bytes(t) for t in model.graph.initializer)


def large_weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Initializers of more than `SMALL` elements."""
    return [t for t in model.graph.initializer if math.prod(t.dims) > SMALL]


def is_plain(data_type: int) -> bool:
    """Whether NumPy itself has an element type, so that arrays can be shared."""
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).kind in "fiu"


def take_out(model: onnx.ModelProto, above: int | None = None) -> tuple[onnx.ModelProto, Weights]:
    """Part a large model from its large weights.

    Parameters
    ----------
    model : onnx.ModelProto
        Left unchanged. Weights that lie elsewhere already stay as they are.
    above : int, optional
        Bytes of weights above which a model counts as large; `LARGE` if not given.

    Returns
    -------
    onnx.ModelProto
        The model itself if it is not large, else a copy in which the weights taken out are
        marked as data in another file.
    dict of str to array
        Those weights.
    """
    if weights_size(model) <= (LARGE if above is None else above):
        return model, {}
    inside = [
        t for t in large_weights(model) if is_plain(t.data_type) and not uses_external_data(t)
    ]
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in inside}
    return copy_without(model, inside), arrays


def copy_without(model: onnx.ModelProto, left_out: Iterable[onnx.TensorProto]) -> onnx.ModelProto:
    """Copy a model, but not the data of some initializers, which have to be fed later.

    Parameters
    ----------
    model : onnx.ModelProto
        Left unchanged.
    left_out : iterable of onnx.TensorProto
        Initializers of `model`; in the copy they keep type and shape, and are marked as
        data in another file.

    Returns
    -------
    onnx.ModelProto
    """
    names = {t.name for t in left_out}
    light = onnx.ModelProto(
        ir_version=model.ir_version,
        opset_import=model.opset_import,
        functions=model.functions,
        metadata_props=model.metadata_props,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
        graph=onnx.GraphProto(
            name=model.graph.name or "graph",
            node=model.graph.node,
            sparse_initializer=model.graph.sparse_initializer,
            input=model.graph.input,
            output=model.graph.output,
            value_info=model.graph.value_info,
        ),
    )
    for tensor in model.graph.initializer:
        light.graph.initializer.append(fed_later(tensor) if tensor.name in names else tensor)
    return light


def fed_later(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Type and shape of an initializer, marked as data that lies elsewhere."""
    empty = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    empty.data_location = onnx.TensorProto.EXTERNAL
    empty.external_data.add(key="location", value=ELSEWHERE)
    return empty


def filled_in(model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Copy a model, with the values of initializers that it only declares."""
    whole = copy_without(model, [])
    for tensor in whole.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights[tensor.name], tensor.name))
    return whole


def declared_as_inputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model with its large weights as graph inputs: all but their values can be checked."""
    weights = large_weights(model)
    light = copy_without(model, weights)
    names = {t.name for t in weights}
    kept = [t for t in light.graph.initializer if t.name not in names]
    del light.graph.initializer[:]
    light.graph.initializer.extend(kept)
    given = {i.name for i in light.graph.input}
    light.graph.input.extend(
        onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims)
        for t in weights
        if t.name not in given
    )
    return light


def fed_as_inputs(file: bytes, names: Collection[str]) -> bytes:
    """Serialised model in which some initializers are graph inputs, without values of their own."""
    model = onnx.ModelProto.FromString(file)
    kept = []
    given = {i.name for i in model.graph.input}
    for tensor in model.graph.initializer:
        if tensor.name not in names:
            kept.append(tensor)
        elif tensor.name not in given:
            model.graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model.SerializeToString()


def _bytes(tensor: onnx.TensorProto) -> int:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return math.prod(tensor.dims) * dtype.itemsize
