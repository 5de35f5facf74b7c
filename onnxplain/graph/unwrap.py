"""Outputs that are no tensors: maps, sequences and optional values around the scores.

A classical pipeline ends in a ZipMap, which makes a map from class name to probability of
every row; the tensor in front of it holds the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

from onnxplain.graph.left_out import Wrapped
from onnxplain.graph.type_text import type_text

_FLOATING = frozenset(
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.BFLOAT16,
        onnx.TensorProto.DOUBLE,
    }
)
# Types that onnx_ir can read.
_READABLE = frozenset({"tensor_type", "sparse_tensor_type", None})
_CONTAINERS = frozenset({"sequence_type", "optional_type"})
# They put tensors into a sequence or an optional value, or hand one on.
_WRAPPING = frozenset(
    "Identity Optional OptionalGetElement SequenceConstruct SequenceInsert SequenceErase "
    "SequenceEmpty SplitToSequence".split()
)


def unwrap(model: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, Wrapped]]:
    """Let the tensors that wrapped outputs hold take their places.

    A map, or what holds exactly one tensor, is replaced by that tensor, under the name of the
    output. Other wrapped outputs go; the tensors in them become outputs.

    Parameters
    ----------
    model : onnx.ModelProto
        A checked model; it is left unchanged.

    Returns
    -------
    onnx.ModelProto
        The same object if there is nothing to replace.
    dict of str to Wrapped
        What the file says about those outputs, by name.
    """
    if all(_is_tensor(o.type) for o in model.graph.output) and not any(_unreadable(model)):
        return model, {}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    outputs = list(graph.output)
    names = {o.name for o in outputs}
    kept: list[onnx.ValueInfoProto] = []
    wrapped: dict[str, Wrapped] = {}
    for output in outputs:
        if _is_tensor(output.type):
            kept.append(output)
            continue
        producers = {o: n for n in graph.node for o in n.output if o}
        kind, node = type_text(output.type), producers.get(output.name)
        if node is not None and node.op_type == "ZipMap" and node.domain == "ai.onnx.ml":
            wrapped[output.name] = Wrapped(kind, (node.input[0],), labels=_labels(node))
            scores = onnx.TypeProto.Tensor(elem_type=onnx.TensorProto.FLOAT)
            kept.append(_stand_in(graph, output.name, node.input[0], scores))
            continue
        inner = _inner_type(output.type)
        inside, whole = _inside(output, producers)
        if inner is None or inner.elem_type not in _FLOATING:
            wrapped[output.name] = Wrapped(kind)
        elif len(inside) == 1 and whole:
            wrapped[output.name] = Wrapped(kind, inside)
            kept.append(_stand_in(graph, output.name, inside[0], inner))
        else:
            added = tuple(t for t in inside if t not in names)
            wrapped[output.name] = Wrapped(kind, inside, added)
            declared = onnx.TypeProto.Tensor(elem_type=inner.elem_type)
            kept.extend(_declare(t, declared) for t in added)
            names.update(added)
    del graph.output[:]
    graph.output.extend(kept)
    for value in _unreadable(copy):
        value.ClearField("type")
    return copy, wrapped


def _is_tensor(proto: onnx.TypeProto) -> bool:
    return proto.WhichOneof("value") in ("tensor_type", None)


def _inner_type(proto: onnx.TypeProto) -> onnx.TypeProto.Tensor | None:
    """Type of the tensors in sequences and optional values, however nested."""
    while (kind := proto.WhichOneof("value")) in _CONTAINERS:
        proto = getattr(proto, str(kind)).elem_type
    return proto.tensor_type if kind == "tensor_type" else None


def _inside(
    output: onnx.ValueInfoProto, producers: Mapping[str, onnx.NodeProto]
) -> tuple[tuple[str, ...], bool]:
    """Tensors that were put into a wrapped output, and whether they are all that it holds.

    The parts of a tensor that was split stand in that tensor, whose shape is another one.
    """
    found: dict[str, None] = {}
    whole = True
    waiting, seen = [(output.name, output.type)], set[str]()
    while waiting:
        name, kind = waiting.pop()
        if kind.WhichOneof("value") == "tensor_type":
            found[name] = None
            continue
        node = producers.get(name)
        known = node is not None and node.domain in ("", "ai.onnx") and node.op_type in _WRAPPING
        if name in seen or node is None or not known:
            whole = False
            continue
        seen.add(name)
        inputs = [i for i in node.input if i]
        if node.op_type in ("Identity", "Optional", "OptionalGetElement"):
            optional = node.op_type == "Optional" and kind.HasField("optional_type")
            inner = kind.optional_type.elem_type if optional else kind
            waiting.extend((i, inner) for i in inputs)
        elif node.op_type == "SequenceInsert":
            tensor = kind.sequence_type.elem_type
            waiting.extend([(inputs[1], tensor), (inputs[0], kind)])
        elif node.op_type == "SequenceErase":
            whole = False
            waiting.append((inputs[0], kind))
        else:
            whole &= node.op_type != "SplitToSequence"
            elements = inputs[:1] if node.op_type == "SplitToSequence" else inputs
            waiting.extend((i, kind.sequence_type.elem_type) for i in reversed(elements))
    return tuple(found), whole


def _stand_in(
    graph: onnx.GraphProto, name: str, tensor: str, declared: onnx.TypeProto.Tensor
) -> onnx.ValueInfoProto:
    """Hand a tensor on under the name of a wrapped output; what wraps it gets another name."""
    taken = {o for node in graph.node for o in node.output}
    other = f"{name}_wrapped"
    while other in taken:
        other += "_"
    for node in graph.node:
        for names in (node.input, node.output):
            for k, old in enumerate(names):
                if old == name:
                    names[k] = other
    graph.node.append(onnx.helper.make_node("Identity", [tensor], [name]))
    return _declare(name, declared)


def _declare(name: str, declared: onnx.TypeProto.Tensor) -> onnx.ValueInfoProto:
    return onnx.ValueInfoProto(name=name, type=onnx.TypeProto(tensor_type=declared))


def _labels(node: onnx.NodeProto) -> tuple[str, ...]:
    """Names of the classes in the order of the columns."""
    names: list[str] = []
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings":
            names += [s.decode("utf-8", "replace") for s in attribute.strings]
        elif attribute.name == "classlabels_int64s":
            names += [str(k) for k in attribute.ints]
    return tuple(names)


def _unreadable(model: onnx.ModelProto) -> Iterator[onnx.ValueInfoProto]:
    """Values of types that onnx_ir cannot read, wherever they are declared."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for value in (*graph.input, *graph.output, *graph.value_info):
            if not _is_readable(value.type):
                yield value
        attributes = (a for node in graph.node for a in node.attribute)
        graphs.extend(body for a in attributes for body in (a.g, *a.graphs))
    for function in model.functions:
        yield from (v for v in function.value_info if not _is_readable(v.type))


def _is_readable(proto: onnx.TypeProto) -> bool:
    while (kind := proto.WhichOneof("value")) in _CONTAINERS:
        proto = getattr(proto, str(kind)).elem_type
    return kind in _READABLE
