"""Shapes that native code ends the process at, or fills the memory for.

Shape inference, that of onnx and of ONNX Runtime, computes negative lengths without a word: a
kernel larger than its picture, a padding that cuts off too much, a number of parts below zero.
At a Slice of such a tensor it ends the process. A picture that is too small for its network is
enough for that. A tensor that is read as a list of lengths, or of axes, gives the result as many
axes as it has numbers, and each takes memory. And recurrent layers, loops and branches cannot read
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType

import onnx

from onnxplain.errors import ModelFileError
from onnxplain.graph.native_faults import said
from onnxplain.graph.rounds import all_nodes

# ONNX Runtime divides the work of recurrent layers among threads by the number of sequences, or of
# steps, and reads the first number of a count and of a condition.
_NEEDED = {
    "LSTM": "a sequence of one step or more",
    "GRU": "a sequence of one step or more",
    "Loop": "one number",
    "If": "one number",
}
# Which operands are lists of lengths or of axes; more than a few of them is nonsense.
_LISTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "AffineGrid": (1,), "CenterCropPad": (1,), "Col2Im": (1, 2), "ConstantOfShape": (0,),
        "Expand": (1,), "MaxUnpool": (2,), "Pad": (1,), "Reshape": (1,), "Resize": (2, 3),
        "Squeeze": (1,), "Tile": (1,), "Unsqueeze": (1,), "Upsample": (1,),
    }
)  # fmt: skip
_MOST_AXES = 1024
# Inference keeps an object for each number of a tensor of one axis that might be a list of lengths.
_MOST_NUMBERS = 1 << 24


def require_lengths(model: onnx.ModelProto) -> None:
    """Check that no Slice reads an axis shorter than nothing, and that no list of axes is endless.

    The shapes of what stands in front of the first such nodes are inferred, then those up to the
    next ones, and so on: none is met before its operand is known to be sound.

    Parameters
    ----------
    model : onnx.ModelProto
        A graph with all inputs declared; small constants with their values.

    Raises
    ------
    ModelFileError
        If one has.
    """
    known = {v.name: v for v in model.graph.input}
    constants = {t.name: t for t in model.graph.initializer}
    own = [n for n, _ in all_nodes(model.graph.node)]
    lists = {i: n for n in own for i in _lists(n)}
    sliced = {i for n in own if n.op_type == "Slice" for i in n.input}
    for name in lists.keys() & known.keys():
        _require_few(known[name], lists[name])
    for name in lists.keys() & constants.keys():
        _require_few_of(math.prod(constants[name].dims), name, lists[name])
    stages = _stages(model.graph.node, {*known, *constants})
    for k, stage in enumerate(stages, 1):
        part = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
        part.graph.name = "stage"
        made: set[str] = set()
        for node in stage:
            # What reads a value of no known type is left out: inference would look for it.
            if all(i in known or i in constants or i in made for i in _read_outside(node)):
                part.graph.node.append(node)
                made.update(node.output)
        read = {i for n, _ in all_nodes(part.graph.node) for i in n.input} - made
        part.graph.input.extend(known[i] for i in sorted(read) if i in known)
        part.graph.initializer.extend(constants[i] for i in sorted(read) if i in constants)
        try:
            # First without following the numbers in tensors, which takes memory for each.
            _require_short(onnx.shape_inference.infer_shapes(part).graph)
            if k == len(stages):
                return
            inferred = onnx.shape_inference.infer_shapes(part, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError):
            return  # that of the whole graph fails as well, and computes no lengths
        for value in inferred.graph.value_info:
            if value.name in sliced:
                _require_not_negative(value)
            if value.name in lists:
                _require_few(value, lists[value.name])
            known[value.name] = value


def require_numbers(
    nodes: Iterable[onnx.NodeProto],
    values: Iterable[onnx.ValueInfoProto],
    constants: Iterable[onnx.TensorProto],
) -> None:
    """Check in inferred shapes that nodes which read a first number without a look have one.

    Those are recurrent layers, which need a step, and Loop and If, which need their count and
    their condition.

    Raises
    ------
    ModelFileError
        If one has not.
    """
    empty = {v.name for v in values if 0 in _lengths(v)} | {
        t.name for t in constants if 0 in t.dims
    }
    for node in nodes:
        need = "" if node.domain else _NEEDED.get(node.op_type, "")
        read = empty.intersection(node.input[:2] if node.op_type == "Loop" else node.input[:1])
        if need and read:
            raise ModelFileError(
                f"{said(node)} reads {min(read)[:80]!r}, which is empty; {need} is needed"
            )


def _require_short(graph: onnx.GraphProto) -> None:
    """Check tensors of one axis."""
    for value in (*graph.value_info, *graph.input):
        lengths = _lengths(value)
        if len(lengths) == 1 and lengths[0] > _MOST_NUMBERS:
            raise ModelFileError(
                f"tensor {value.name[:80]!r} would have {lengths[0]:,} numbers on its only axis; "
                f"at most {_MOST_NUMBERS:,} are allowed"
            )


def _read_outside(node: onnx.NodeProto) -> set[str]:
    """What a node reads, and what its bodies read that is not theirs."""
    inside = {o for n, depth in all_nodes([node]) if depth for o in n.output}
    bodies = [g for n, _ in all_nodes([node]) for a in n.attribute for g in (a.g, *a.graphs)]
    inside |= {v.name for g in bodies for v in (*g.input, *g.initializer)}
    read = {i for n, depth in all_nodes([node]) if depth for i in n.input}
    return {i for i in (read - inside) | set(node.input) if i}


def _require_not_negative(value: onnx.ValueInfoProto) -> None:
    lengths = _lengths(value)
    if any(n < 0 for n in lengths):
        shape = " x ".join(f"{n:,}" for n in lengths)
        raise ModelFileError(
            f"tensor {value.name[:80]!r} would have the shape {shape}, with a length below 0: the "
            "input is too small for this model, or a padding or a kernel is too large"
        )


def _lists(node: onnx.NodeProto) -> list[str]:
    """What a node reads as a list of lengths or of axes."""
    places = () if node.domain else _LISTS.get(node.op_type, ())
    return [node.input[k] for k in places if k < len(node.input) and node.input[k]]


def _require_few(value: onnx.ValueInfoProto, node: onnx.NodeProto) -> None:
    _require_few_of(math.prod(_lengths(value)), value.name, node)


def _require_few_of(count: int, name: str, node: onnx.NodeProto) -> None:
    if count > _MOST_AXES:
        raise ModelFileError(
            f"{said(node)} reads {name[:80]!r} as a list of lengths or axes, with {count:,} "
            f"numbers; at most {_MOST_AXES:,} are allowed"
        )


def _lengths(value: onnx.ValueInfoProto) -> list[int]:
    """Known lengths; of an axis that is open, 1."""
    dims = value.type.tensor_type.shape.dim
    return [d.dim_value if d.HasField("dim_value") else 1 for d in dims]


def _stages(nodes: Sequence[onnx.NodeProto], given: Container[str]) -> list[list[onnx.NodeProto]]:
    """Nodes by the number of such nodes up to them, themselves counted, along the longest way.

    A list that is `given` has been looked at before.
    """
    depth: dict[str, int] = {}
    found: list[list[onnx.NodeProto]] = [[]]
    for node in nodes:
        own = list(all_nodes([node]))
        before = max((depth.get(i, 0) for n, _ in own for i in n.input), default=0)
        stage = before + any(
            n.op_type == "Slice" or any(i not in given for i in _lists(n)) for n, _ in own
        )
        depth.update(dict.fromkeys(node.output, stage))
        while len(found) <= stage:
            found.append([])
        found[stage].append(node)
    return found
