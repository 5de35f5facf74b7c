"""Read a model file that nobody vouches for.

Every way in which a file can be broken ends in one `ModelFileError`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx.external_data_helper import uses_external_data

from onnxplain.boundary import foreign, reason
from onnxplain.errors import ModelFileError
from onnxplain.files import why_no_file
from onnxplain.graph import light
from onnxplain.graph.external import one_line, read_external_data, tensors_of
from onnxplain.graph.hashed import HashedFile
from onnxplain.graph.light import Weights, declared_as_inputs, take_out, weights_size
from onnxplain.graph.stated_sizes import check_sizes
from onnxplain.identity import Identity, ModelFile

_STANDARD = ("", "ai.onnx")
# What ONNX Runtime writes into the standard's domain, with the opset that standardised it.
_DIALECT = {"LayerNormalization": 17, "SimplifiedLayerNormalization": 10**6}

# Domains of which ONNX Runtime takes the newest version that it has, where a file names none.
_KNOWN_UNDECLARED = {"com.microsoft": 1, "ai.onnx.ml": 5}


def read_model(path: str | Path) -> tuple[onnx.ModelProto, Weights]:
    """Read and check an ONNX model file; see `open_model`, which says what it is made of too."""
    model, weights, _ = open_model(path)
    return model, weights


def open_model(path: str | Path) -> tuple[onnx.ModelProto, Weights, Identity]:
    """Read and check an ONNX model file.

    Weights in external files are read when they lie inside of the model's folder. Every file
    is read once, and its digest is that of what was read.

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
    Identity
        Which files that were.

    Raises
    ------
    ModelFileError
        If the file is missing, not ONNX, truncated, invalid for the ONNX checker, or its
        external data is missing, truncated or outside of its folder; also if a file changes
        while it is read.
    """
    problem = why_no_file(path)
    if problem:
        raise ModelFileError(f"no model file at {str(path)!r}: {problem}")
    with foreign(
        lambda reason: ModelFileError(f"{str(path)!r} cannot be read as an ONNX model: {reason}")
    ):
        return _open(Path(path))


def _open(path: Path) -> tuple[onnx.ModelProto, Weights, Identity]:
    model, graph_file, content = _read_message(path)
    if not model.HasField("graph") or not model.opset_import or not model.graph.output:
        raise ModelFileError(f"{str(path)!r} is not an ONNX file: it holds no graph with outputs")
    outside, files = read_external_data(model, path)
    identity = Identity.of_files(graph_file, files)
    # One of an export that is just being written may be new, and another one old.
    if changed := identity.changed:
        raise ModelFileError(
            f"{str(path)!r}: {changed[0]!r} changed while the model was being read; try again "
            "when no program is writing to it"
        )
    changed_here = [_sort_nodes(model.graph), _import_own_domains(model)]
    check(model, str(path), None if files or any(changed_here) else content)
    check_sizes(tensors_of(model), str(path))
    parted, inside = take_out(model)
    return parted, outside | inside, identity


def identify(model: onnx.ModelProto) -> Identity:
    """Give a model in memory the digest of its content.

    It is that of the file that ``onnx.save`` makes of it. A model that is too large for such a
    file, of 2 GiB and more, has none.

    Raises
    ------
    ModelFileError
        If weights of it are in files: nobody says in which folder.
    """
    for tensor in tensors_of(model):
        if uses_external_data(tensor):
            raise ModelFileError(
                f"the model in memory lacks the values of tensor {tensor.name!r}, which are in a "
                "separate file; give the path of the model, or load it with its external data"
            )
    try:
        return Identity(hashlib.sha256(model.SerializeToString()).hexdigest())
    except (EncodeError, ValueError):
        return Identity()


def _read_message(path: Path) -> tuple[onnx.ModelProto, ModelFile, bytes | None]:
    """Read the .onnx file itself; its bytes too, if it is binary and not too large to keep."""
    try:
        with HashedFile(path, path.name) as file:
            data = file.read(0, file.bytes)
            content = io.BytesIO(data)
            read = file.finish()
    except (OSError, ValueError) as error:
        raise ModelFileError(f"cannot read {str(path)!r}: {one_line(error)}") from error
    try:
        content.name = str(path)  # by which onnx knows other forms than the binary one
        model = onnx.load(content, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{str(path)!r} is not an ONNX file, or it is truncated ({one_line(error)})"
        ) from error
    form = onnx.serialization.registry.get_format_from_file_extension(path.suffix)
    kept = form in (None, "protobuf") and len(data) <= light.LARGE
    return model, read, data if kept else None


def check(model: onnx.ModelProto, where: str, content: bytes | None = None) -> None:
    """Run the ONNX checker.

    Parameters
    ----------
    model : onnx.ModelProto
        The model.
    where : str
        Names it in errors.
    content : bytes, optional
        The same model as a file holds it, so that it need not be written for the checker.

    Raises
    ------
    ModelFileError
        With the first line of what the checker found.
    """
    try:
        asked = _checkable(model)
        whole = content if asked is model and content else asked
        onnx.checker.check_model(whole)
    except Exception as error:  # a text that is not UTF-8, for one, is no ValidationError
        if not isinstance(error, onnx.checker.ValidationError):
            raise ModelFileError(f"{where!r} is not a valid model: {reason(error)}") from error
        message = one_line(error)
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


def _sort_nodes(graph: onnx.GraphProto) -> bool:
    """Put nodes after those whose results they read, as ONNX Runtime does by itself.

    Says whether that changed anything.

    Converters to float16 append their Casts at the end of the file.
    """
    producer = {o: k for k, n in enumerate(graph.node) for o in n.output if o}
    sources = [{producer[i] for i in _reads(n) if i in producer} for n in graph.node]
    if all(all(s < k for s in before) for k, before in enumerate(sources)):
        return False
    try:
        order = list(TopologicalSorter(dict(enumerate(sources))).static_order())
    except CycleError:
        return False  # the checker says so
    nodes = [graph.node[k] for k in order]
    del graph.node[:]
    graph.node.extend(nodes)
    return True


def _import_own_domains(model: onnx.ModelProto) -> bool:
    """Declare the domains that ONNX Runtime understands undeclared, and tools forget.

    Says whether there were any.
    """
    used = {node.domain for node in model.graph.node}
    declared = {o.domain for o in model.opset_import}
    lacking = [d for d in _KNOWN_UNDECLARED if d in used - declared]
    for domain in lacking:
        model.opset_import.add(domain=domain, version=_KNOWN_UNDECLARED[domain])
    return bool(lacking)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for child in inner.node:
                yield from _reads(child)
