"""Read a model file that nobody vouches for.

Every way in which a file can be broken ends in one `ModelFileError`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from onnxplain.boundary import foreign, reason
from onnxplain.errors import ModelFileError
from onnxplain.files import why_no_file
from onnxplain.graph import light
from onnxplain.graph.light import (
    Weights,
    declared_as_inputs,
    fed_later,
    is_plain,
    large_weights,
    take_out,
    weights_size,
)

_STANDARD = ("", "ai.onnx")
# What ONNX Runtime writes into the standard's domain, with the opset that standardised it.
_DIALECT = {"LayerNormalization": 17, "SimplifiedLayerNormalization": 10**6}


def read_model(path: str | Path) -> tuple[onnx.ModelProto, Weights]:
    """Read and check an ONNX model file.

    Weights in external files are read when they lie inside of the model's folder.

    Parameters
    ----------
    path : path
        The ``.onnx`` file.

    Returns
    -------
    onnx.ModelProto
        With all weights inside, or of a large model, all but its large ones.
    dict of str to array
        Those.

    Raises
    ------
    ModelFileError
        If the file is missing, not ONNX, truncated, invalid for the ONNX checker, or its
        external data is missing, truncated or outside of its folder.
    """
    problem = why_no_file(path)
    if problem:
        raise ModelFileError(f"no model file at {str(path)!r}: {problem}")
    with foreign(
        lambda reason: ModelFileError(f"{str(path)!r} cannot be read as an ONNX model: {reason}")
    ):
        return _read(Path(path))


def _read(path: Path) -> tuple[onnx.ModelProto, Weights]:
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError, RecursionError) as error:
        raise ModelFileError(
            f"{str(path)!r} is not an ONNX file, or it is truncated ({_one_line(error)})"
        ) from error
    if not model.HasField("graph") or not model.opset_import or not model.graph.output:
        raise ModelFileError(f"{str(path)!r} is not an ONNX file: it holds no graph with outputs")
    outside = _read_external_data(model, path)
    _sort_nodes(model.graph)
    _import_own_domain(model)
    check(model, str(path))
    parted, inside = take_out(model)
    return parted, outside | inside


def check(model: onnx.ModelProto, where: str) -> None:
    """Run the ONNX checker.

    Raises
    ------
    ModelFileError
        With the first line of what the checker found.
    """
    try:
        onnx.checker.check_model(_checkable(model))
    except Exception as error:  # a text that is not UTF-8, for one, is no ValidationError
        if not isinstance(error, onnx.checker.ValidationError):
            raise ModelFileError(f"{where!r} is not a valid model: {reason(error)}") from error
        message = _one_line(error)
        advice = ""
        if "No Op registered" in message or "opset" in message.lower():
            advice = "; it may need a newer onnx package, or a custom operator library"
        raise ModelFileError(f"{where!r} is not a valid ONNX model: {message}{advice}") from error


def _checkable(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model, or what can be checked of it: without gigabytes, without dialect.

    ONNX Runtime's optimiser writes operators of its own into the standard's domain, and runs
    them. They are set apart in another domain, whose operators the checker takes as they are.
    """
    opset = next((o.version for o in model.opset_import if o.domain in _STANDARD), 1)
    dialect = {n for n, since in _DIALECT.items() if opset < since}
    if not any(n.op_type in dialect and n.domain in _STANDARD for n in model.graph.node):
        return declared_as_inputs(model) if weights_size(model) > light.LARGE else model
    copy = declared_as_inputs(model)
    for node in copy.graph.node:
        if node.op_type in dialect and node.domain in _STANDARD:
            node.domain = "onnxruntime"
    copy.opset_import.add(domain="onnxruntime", version=1)
    return copy


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_external_data(model: onnx.ModelProto, path: Path) -> Weights:
    """Complete a model in place; large weights of a large one are returned instead."""
    folder = path.parent.resolve()
    large = weights_size(model) > light.LARGE
    candidates = large_weights(model)  # kept alive, for what they are is told by identity
    apart = {id(t) for t in candidates if large and is_plain(t.data_type)}
    weights: Weights = {}
    for tensor in _tensors(model):
        if not uses_external_data(tensor):
            continue
        try:
            info = ExternalDataInfo(tensor)
        except ValueError as error:
            raise ModelFileError(
                f"{str(path)!r}: external data entry of tensor {tensor.name!r} is damaged: "
                f"{_one_line(error)}"
            ) from error
        # Resolved first, so that neither '..', an absolute path nor a link gets out.
        file = (folder / info.location).resolve()
        where = f"{str(path)!r}: external data {info.location!r} of tensor {tensor.name!r}"
        if not info.location or not file.is_relative_to(folder):
            raise ModelFileError(f"{where} leaves the folder of the model; refused")
        if not file.is_file():
            raise ModelFileError(f"{where} is missing; keep the file beside the model")
        end = (info.offset or 0) + (info.length or 0)
        if file.stat().st_size < end:
            raise ModelFileError(f"{where} is truncated: {end:,} bytes needed")
        try:
            if id(tensor) in apart:
                weights[tensor.name] = _read_array(tensor, file, info)
                tensor.CopyFrom(fed_later(tensor))
                continue
            str(folder).encode()  # onnx takes no other folder name, and would say nothing of that
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            raise ModelFileError(f"{where} cannot be read: {_one_line(error)}") from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return weights


def _read_array(tensor: onnx.TensorProto, file: Path, info: ExternalDataInfo) -> NDArray[Any]:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).newbyteorder("<")
    count = math.prod(tensor.dims)
    if info.length is not None and info.length != count * dtype.itemsize:
        raise ValueError(f"{info.length:,} bytes do not hold {count:,} values of {dtype}")
    return np.fromfile(file, dtype, count, offset=info.offset or 0).reshape(tensor.dims)


def _sort_nodes(graph: onnx.GraphProto) -> None:
    """Put nodes behind those whose results they read, as ONNX Runtime does by itself.

    Converters to float16 append their Casts at the end of the file.
    """
    producer = {o: k for k, n in enumerate(graph.node) for o in n.output if o}
    sources = [{producer[i] for i in _reads(n) if i in producer} for n in graph.node]
    if all(all(s < k for s in before) for k, before in enumerate(sources)):
        return
    try:
        order = list(TopologicalSorter(dict(enumerate(sources))).static_order())
    except CycleError:
        return  # the checker says so
    nodes = [graph.node[k] for k in order]
    del graph.node[:]
    graph.node.extend(nodes)


def _import_own_domain(model: onnx.ModelProto) -> None:
    """Declare ONNX Runtime's own domain, which it understands undeclared, and tools forget."""
    own = "com.microsoft"
    used = any(node.domain == own for node in model.graph.node)
    if used and all(o.domain != own for o in model.opset_import):
        model.opset_import.add(domain=own, version=1)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for child in inner.node:
                yield from _reads(child)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    # onnx's own helper walks initializers and attributes, subgraphs and functions too.
    yield from onnx.external_data_helper._get_all_tensors(model)


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
