"""Weights in files beside the model.

A model may come from anybody: no file outside of its folder is read, and none beyond its end.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from onnxplain.errors import ModelFileError
from onnxplain.graph import light
from onnxplain.graph.hashed import HashedFile
from onnxplain.graph.light import Weights, fed_later, is_plain, large_weights, weights_size
from onnxplain.identity import ModelFile


@dataclass(frozen=True)
class _Part:
    """A tensor and where its values are."""

    tensor: onnx.TensorProto
    location: str
    file: Path
    offset: int
    length: int
    apart: bool
    where: str


def read_external_data(model: onnx.ModelProto, path: Path) -> tuple[Weights, list[ModelFile]]:
    """Complete a model in place with its weights in other files.

    Each file is read once, and hashed on the way: its digest is that of what was read.

    Parameters
    ----------
    model : onnx.ModelProto
        As its file holds it.
    path : Path
        That file.

    Returns
    -------
    dict of str to array
        Large weights of a large model; these are not put into it.
    list of ModelFile
        The other files.

    Raises
    ------
    ModelFileError
        If a file is missing, truncated or outside of the model's folder, or changes meanwhile.
    """
    large = weights_size(model) > light.LARGE
    candidates = large_weights(model)  # kept alive, for what they are is told by identity
    apart = {id(t) for t in candidates if large and is_plain(t.data_type)}
    by_location: dict[str, list[_Part]] = {}
    for tensor in tensors_of(model):
        if uses_external_data(tensor):
            part = _locate(tensor, path, apart=id(tensor) in apart)
            by_location.setdefault(part.location, []).append(part)
    weights: Weights = {}
    files = [_read_file(parts, weights) for parts in by_location.values()]
    return weights, files


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a model, wherever one may stand; of sparse ones values and indices."""
    yield from _in_graph(model.graph)
    for function in model.functions:
        yield from _in_attributes(function.attribute_proto)
        yield from _in_nodes(function.node)
    for training in model.training_info:
        yield from _in_graph(training.initialization)
        yield from _in_graph(training.algorithm)


def _in_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _in_sparse(graph.sparse_initializer)
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        yield from _in_attributes(node.attribute)


def _in_attributes(attributes: Iterable[onnx.AttributeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from _in_sparse([attribute.sparse_tensor])
        yield from _in_sparse(attribute.sparse_tensors)
        if attribute.HasField("g"):
            yield from _in_graph(attribute.g)
        for graph in attribute.graphs:
            yield from _in_graph(graph)


def _in_sparse(tensors: Iterable[onnx.SparseTensorProto]) -> Iterator[onnx.TensorProto]:
    for tensor in tensors:
        yield tensor.values
        yield tensor.indices


def _locate(tensor: onnx.TensorProto, path: Path, *, apart: bool) -> _Part:
    """Find the bytes of a tensor, and make sure that they may be read and are there."""
    try:
        info = ExternalDataInfo(tensor)
        offset, length = int(info.offset or 0), int(info.length or 0)
        if offset < 0 or length < 0:
            raise ValueError("offset and length must be 0 or more")
    except ValueError as error:
        raise ModelFileError(
            f"{str(path)!r}: external data entry of tensor {tensor.name!r} is damaged: "
            f"{one_line(error)}"
        ) from error
    where = f"{str(path)!r}: external data {info.location!r} of tensor {tensor.name!r}"
    folder = path.parent.resolve()
    # As text first: however a location is spelled, it is one file. Then resolved, so that
    # neither '..', an absolute path nor a link gets out.
    location = posixpath.normpath(info.location)
    try:
        file = (folder / location).resolve()
        if not info.location or not file.is_relative_to(folder):
            raise ModelFileError(f"{where} leaves the folder of the model; refused")
        if not file.is_file():
            raise ModelFileError(f"{where} is missing; keep the file beside the model")
        size = file.stat().st_size
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{where} cannot be read: {one_line(error)}") from error
    if info.length is None:
        length = _bytes(tensor) if apart else max(0, size - offset)
    elif apart and length != _bytes(tensor):
        raise ModelFileError(
            f"{where} cannot be read: its values take {_bytes(tensor):,} bytes, and the entry "
            f"says {length:,}"
        )
    if size < offset + length:
        raise ModelFileError(f"{where} is truncated: {offset + length:,} bytes needed")
    return _Part(tensor, location, file, offset, length, apart, where)


def _read_file(parts: list[_Part], weights: Weights) -> ModelFile:
    """Read the tensors of one file in the order in which they lie there."""
    part = parts[0]
    try:
        with HashedFile(part.file, part.location) as file:
            for part in sorted(parts, key=lambda p: p.offset):
                _read_part(part, file, weights)
            return file.finish()
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{part.where} cannot be read: {one_line(error)}") from error


def _read_part(part: _Part, file: HashedFile, weights: Weights) -> None:
    tensor = part.tensor
    if part.apart:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).newbyteorder("<")
        array = np.empty(tuple(tensor.dims), dtype)
        file.fill(part.offset, array)
        weights[tensor.name] = array
        tensor.CopyFrom(fed_later(tensor))
        return
    tensor.raw_data = file.read(part.offset, part.length)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _bytes(tensor: onnx.TensorProto) -> int:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return math.prod(tensor.dims) * dtype.itemsize


def one_line(error: BaseException) -> str:
    """First line of what an error says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
