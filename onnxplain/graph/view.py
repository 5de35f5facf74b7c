"""A read-only view of an ONNX graph, keyed by tensor name.

The tensor name is the one identity that survives in ONNX Runtime and in PyTorch: node
names are optional in ONNX, and module names are mangled by the conversion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.numpy_helper import to_array

from onnxplain.boundary import foreign
from onnxplain.errors import ModelFileError, UnknownNameError
from onnxplain.graph.left_out import LeftOut, Wrapped
from onnxplain.graph.type_text import type_text

# Bytes; a real network of fewer does little work for each picture.
_SMALL = 1 << 20
_MESSAGES = (onnx.TensorProto, onnx.GraphProto, onnx.SparseTensorProto, onnx.TypeProto)
_READS_NO_VALUES = frozenset({"Shape", "Size"})
# Only their first output stands for the input; the others are its range.
_MEASURES_RANGE = frozenset({"DynamicQuantizeLinear"})


@dataclass(frozen=True)
class Node:
    """One ONNX node.

    Attributes
    ----------
    op_type, domain, name : str
        As in the file; the default domain is the empty string.
    inputs, outputs : tuple of str
        Tensor names; an absent optional one is the empty string.
    attributes : mapping of str to value
        Python values: int, float, str, list; ``onnx.TensorProto``, ``onnx.GraphProto`` and
        the other messages of the format as they are.
    index : int
        Position in the topological order of the graph.
    captured : tuple of str
        Tensors of the graph that the branches of an If or the body of a Loop or Scan read.
    """

    op_type: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(hash=False)
    index: int
    captured: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Every tensor that the node depends on, each once."""
        return tuple(dict.fromkeys(n for n in (*self.inputs, *self.captured) if n))

    @property
    def output(self) -> str:
        """Name of the first output tensor."""
        return self.outputs[0]

    @property
    def operator(self) -> str:
        """Operator with its domain, unless that is the standard's: ``"acme::Sparkle"``."""
        return f"{self.domain}::{self.op_type}" if self.domain else self.op_type

    def __str__(self) -> str:
        return f"{self.op_type} (tensor {self.output!r})"


@dataclass(frozen=True)
class TensorInfo:
    """What the file declares about an input or output tensor.

    Attributes
    ----------
    name : str
        Tensor name.
    dtype : numpy.dtype
        Element type.
    shape : tuple of (int or str or None), or None
        Declared shape; a string is a symbolic dimension; ``None`` if the rank is unknown.
    type_name : str
        The type, such as ``"string"`` or ``"sequence(float32)"``, if numpy has none for it.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...] | None
    type_name: str = ""

    @property
    def kind(self) -> str:
        """The element type of a tensor, or the type of what is none."""
        return self.type_name or self.dtype.name

    @property
    def is_wrapped(self) -> bool:
        """Whether it is a map, a sequence or an optional value."""
        return "(" in self.type_name

    @property
    def lengths(self) -> tuple[int | None, ...]:
        """Length of each axis; ``None`` for one that is open."""
        return tuple(d if isinstance(d, int) and d > 0 else None for d in self.shape or ())


class Graph:
    """Read-only view of a prepared model.

    Parameters
    ----------
    model : onnx.ModelProto
        The prepared model; it must not be changed afterwards.
    origin : mapping of str to str, optional
        Tensor name in the user's file to the name of the tensor that carries the same
        value here, for those that preparation merged.
    weights : mapping of str to array, optional
        Values of the initializers that `model` only declares; see `onnxplain.graph.light`.
    left_out : LeftOut, optional
        What was cut off the user's graph.
    wrapped : mapping of str to Wrapped, optional
        Outputs of the user's file that are no tensors, by name.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        origin: Mapping[str, str] | None = None,
        weights: Mapping[str, NDArray[Any]] | None = None,
        left_out: LeftOut | None = None,
        wrapped: Mapping[str, Wrapped] | None = None,
    ) -> None:
        self.model = model
        self.left_out = left_out or LeftOut()
        self.wrapped: Mapping[str, Wrapped] = MappingProxyType(dict(wrapped or {}))
        self.origin: Mapping[str, str] = MappingProxyType(dict(origin or {}))
        self.weights: Mapping[str, NDArray[Any]] = MappingProxyType(dict(weights or {}))
        self.nodes: tuple[Node, ...] = tuple(_read_nodes(model.graph.node))
        self._initializers = {i.name: i for i in model.graph.initializer}
        self._constants: dict[str, NDArray[Any]] = {}

    @cached_property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """Graph inputs that have to be fed, in file order."""
        return tuple(
            tensor_info(v) for v in self.model.graph.input if v.name not in self._initializers
        )

    @cached_property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Graph outputs, in file order."""
        return tuple(tensor_info(v) for v in self.model.graph.output)

    @cached_property
    def opsets(self) -> Mapping[str, int]:
        """Operator-set version for each domain; the default domain is ``""``."""
        return MappingProxyType(
            {
                ("" if o.domain == "ai.onnx" else o.domain): o.version
                for o in self.model.opset_import
            }
        )

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that writes each tensor."""
        return MappingProxyType({o: n for n in self.nodes for o in n.outputs if o})

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order."""
        readers: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for name in node.reads:
                readers[name].append(node)
        return MappingProxyType({k: tuple(v) for k, v in readers.items()})

    @cached_property
    def is_small(self) -> bool:
        """Whether the graph with its weights takes less than 1 MiB."""
        beside, within = sum(w.nbytes for w in self.weights.values()), 0
        for tensor in self.model.graph.initializer:
            within += len(tensor.raw_data)
            if beside + within >= _SMALL:  # seen without measuring all the rest
                return False
        return beside + self.model.ByteSize() < _SMALL

    @property
    def constant_names(self) -> Iterable[str]:
        """Names of all initializers."""
        return self._initializers.keys()

    def is_constant(self, name: str) -> bool:
        """Whether `name` is an initializer."""
        return name in self._initializers

    def constant(self, name: str) -> NDArray[Any]:
        """Value of an initializer; the array is shared and must not be written to."""
        if name not in self._constants:
            if name in self.weights:
                array = self.weights[name].view()
            else:
                array = to_array(self._initializers[name])
            array.setflags(write=False)
            self._constants[name] = array
        return self._constants[name]

    def constant_shape(self, name: str) -> tuple[int, ...]:
        """Shape of an initializer, without decoding its values."""
        return tuple(self._initializers[name].dims)

    def tensor_names(self) -> Iterator[str]:
        """All activations: graph inputs, then node outputs in topological order."""
        for info in self.inputs:
            yield info.name
        for node in self.nodes:
            yield from (o for o in node.outputs if o)

    def ancestors(self, name: str) -> set[str]:
        """Names of all activations that `name` is computed from, itself included."""
        seen: set[str] = set()
        stack = [name]
        while stack:
            tensor = stack.pop()
            if tensor in seen or not tensor or self.is_constant(tensor):
                continue
            seen.add(tensor)
            if tensor in self.producers:
                stack.extend(self.producers[tensor].reads)
        return seen

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Names of all activations that depend on values of `names`, those included.

        What is computed from shapes alone does not count, nor do scale and zero point of a
        dynamic quantisation: no gradient and no evidence passes there.
        """
        reached = set(names)
        for node in self.nodes:
            if node.op_type not in _READS_NO_VALUES and any(i in reached for i in node.reads):
                carries = node.outputs[:1] if node.op_type in _MEASURES_RANGE else node.outputs
                reached.update(o for o in carries if o)
        return reached

    @cached_property
    def descendants_of_inputs(self) -> frozenset[str]:
        """Tensors that depend on values of any graph input."""
        return frozenset(self.descendants(i.name for i in self.inputs))

    def named(self, name: str) -> str | None:
        """Tensor of exactly that name, or that a node of that name writes; else ``None``."""
        tensors = set(self.tensor_names())
        name = name if name in tensors else self.origin.get(name, name)
        if name in tensors:
            return name
        return next((n.output for n in self.nodes if n.name == name), None) if name else None

    def resolve(self, name: str) -> str:
        """Tensor name that a person means by `name`.

        Accepts a tensor name, a tensor name of the user's file that preparation merged,
        a node name, or an unambiguous ending of one of them that begins a word.

        Raises
        ------
        UnknownNameError
            If nothing or more than one tensor matches; the nearest names are offered.
        MethodRefusedError
            If the explained output is not computed from the tensor.
        """
        if (exact := self.named(name)) is not None:
            return exact
        tensors = list(self.tensor_names())
        name = self.origin.get(name, name)
        by_node = {n.name: n.output for n in self.nodes if n.name}
        ends = {t for t in tensors if _ends_in(t, name)}
        ends |= {tensor for node, tensor in by_node.items() if _ends_in(node, name)}
        if name and len(ends) == 1:
            return ends.pop()
        if not ends:
            self.left_out.refuse(name)
        hint = f"{len(ends)} tensors end in it" if ends and name else "`inspect` lists the layers"
        raise UnknownNameError("layer", name, [*tensors, *by_node], hint)


def _ends_in(name: str, ending: str) -> bool:
    """Whether the last words of a name are `ending`; a part of a word may be another name."""
    before = name[: -len(ending)][-1:]
    return name.endswith(ending) and not (before.isalnum() and ending[:1].isalnum())


def tensor_info(value: onnx.ValueInfoProto) -> TensorInfo:
    """Read name, element type and declared shape of a graph input or output."""
    tensor = value.type.tensor_type
    number = tensor.elem_type
    with foreign(lambda _: ModelFileError(f"{value.name!r} has an unknown element type, {number}")):
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number) if number else object)
    shape = tuple(_dim(d) for d in tensor.shape.dim) if tensor.HasField("shape") else None
    return TensorInfo(value.name, dtype, shape, type_text(value.type) if dtype.kind == "O" else "")


def _dim(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return dim.dim_param or None


def _read_nodes(protos: Iterable[onnx.NodeProto]) -> Iterator[Node]:
    for index, proto in enumerate(protos):
        attributes = {a.name: _attribute(a) for a in proto.attribute}
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        yield Node(
            proto.op_type,
            domain,
            proto.name,
            tuple(proto.input),
            tuple(proto.output),
            MappingProxyType(attributes),
            index,
            tuple(dict.fromkeys(n for a in proto.attribute for n in _captured(a))),
        )


def captured_by(body: onnx.GraphProto) -> tuple[str, ...]:
    """Tensors that the body of a node reads and does not define itself, each once."""
    own = {value.name for value in (*body.input, *body.initializer)}
    own.update(name for node in body.node for name in node.output)
    read = [v.name for v in body.output]
    for node in body.node:
        read.extend(node.input)
        read.extend(name for inner in node.attribute for name in _captured(inner))
    return tuple(dict.fromkeys(name for name in read if name and name not in own))


def _captured(attribute: onnx.AttributeProto) -> Iterator[str]:
    for body in (attribute.g, *attribute.graphs):
        yield from captured_by(body)


def _attribute(proto: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, _MESSAGES):
        return value
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
