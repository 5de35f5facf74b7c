"""Refuse the nodes at which native code that reads them is known to end the process."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

import onnx
import onnx.numpy_helper

from onnxplain.errors import ModelFileError
from onnxplain.graph.nonsense import unless_nonsense

_Known = TypeVar("_Known", int, bytes)
# ONNX Runtime hands these numbers to the standard library of C++, which ends the process.
_NORMAL = frozenset({"RandomNormal", "RandomNormalLike"})
_UNIFORM = frozenset({"RandomUniform", "RandomUniformLike"})
_EQUATION = re.compile(r"[A-Za-z,.\s]*(->[A-Za-z.\s]*)?")
# Their block is squared in 64 bits, and a number of channels divided by the result.
_BLOCKS, _LARGEST_BLOCK = frozenset({"DepthToSpace", "SpaceToDepth"}), 1 << 15
# No picture is as long. Products and sums of a few such numbers stay within 64 bits.
_LONGEST = (1 << 31) - 1
# Operators whose second operand is lengths, the least that it may say, and what they do with it.
_LENGTHS = {
    "Tile": (0, "repeats its input {} times"),
    "Pad": (-_LONGEST, "pads by {}"),
    "OneHot": (0, "has {} classes"),
}
_SPATIAL = frozenset(
    "Conv ConvInteger ConvTranspose DeformConv QLinearConv MaxPool AveragePool LpPool MaxUnpool "
    "Col2Im Pad".split()
)


def check_node(node: onnx.NodeProto) -> None:
    """Check one node, whatever graph it stands in.

    Raises
    ------
    ModelFileError
        If it draws from a distribution that there is not, reads in front of a shape, or has a
        block, a length, an equation or a number of inputs that cannot be.
    """
    if node.op_type in _NORMAL | _UNIFORM:
        _check_draws(node)
    elif node.op_type == "GatherND":
        # Shape inference, which ONNX Runtime runs as well, takes it for a place in a list.
        count = _attribute(node, "batch_dims", 0)
        if count < 0:
            raise ModelFileError(f"{said(node)} has batch_dims {count}; 0 or more is needed")
    elif node.op_type in _SPATIAL:
        for attribute in node.attribute:
            if any(abs(number) > _LONGEST for number in attribute.ints):
                raise ModelFileError(
                    f"{said(node)} has {attribute.name} {list(attribute.ints[:8])}; at most "
                    f"{_LONGEST:,} is allowed"
                )
    elif node.op_type == "Einsum":
        # ONNX Runtime never ends at other characters.
        text = _attribute(node, "equation", b"").decode("utf-8", "replace")
        if not _EQUATION.fullmatch(text):
            raise ModelFileError(
                f"{said(node)} has equation {text[:40]!r}; letters, commas, '...' and '->' are "
                "allowed"
            )
    elif node.op_type == "Scan":
        # ONNX Runtime makes a list of so many.
        count = _attribute(node, "num_scan_inputs", 0)
        if not 0 <= count <= len(node.input):
            raise ModelFileError(f"{said(node)} scans {count:,} inputs, but has {len(node.input)}")
    elif node.op_type in _BLOCKS:
        side = _attribute(node, "blocksize", 1)
        if not 1 <= side <= _LARGEST_BLOCK:
            raise ModelFileError(
                f"{said(node)} has blocksize {side}; 1 to {_LARGEST_BLOCK:,} is needed"
            )


def check_constants(graph: onnx.GraphProto) -> None:
    """Check constants that shape inference computes lengths from.

    It computes in 64 bits and does not notice where these are too few, or where a length comes out
    below zero; at a Slice of such a tensor it ends the process.

    Raises
    ------
    ModelFileError
        If one is out of its range.
    """
    readers = [n for n in graph.node if not n.domain and n.op_type in _LENGTHS and len(n.input) > 1]
    if not readers:
        return
    wanted = {n.input[1] for n in readers}
    given = {t.name: t for t in graph.initializer if t.name in wanted}
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in wanted:
            given.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    for node in readers:
        tensor = given.get(node.input[1])
        if tensor is None or tensor.data_location == onnx.TensorProto.EXTERNAL:
            continue
        numbers = unless_nonsense(onnx.numpy_helper.to_array, tensor)
        if numbers is None or numbers.dtype.kind != "i" or not numbers.size:
            continue
        least, does = _LENGTHS[node.op_type]
        for number in (int(numbers.min()), int(numbers.max())):
            if not least <= number <= _LONGEST:
                raise ModelFileError(
                    f"{said(node)} {does.format(f'{number:,}')}; {least:,} to {_LONGEST:,} is "
                    "allowed"
                )


def check_references(nodes: Iterable[onnx.NodeProto]) -> None:
    """Check that no node outside of a function has an attribute of a function's call.

    Raises
    ------
    ModelFileError
        If one has.
    """
    for node in nodes:
        for attribute in node.attribute:
            if attribute.ref_attr_name:
                raise ModelFileError(
                    f"{said(node)} takes its {attribute.name[:80]!r} from the call of a function, "
                    "but is not inside one"
                )


def said(node: onnx.NodeProto) -> str:
    """Name a node by its operator and its first result."""
    outputs: Sequence[str] = node.output
    return f"{node.op_type} (tensor {(outputs[0] if outputs else '')[:80]!r})"


def _attribute(node: onnx.NodeProto, name: str, default: _Known) -> _Known:
    """Value of an attribute that is a whole number or text, as the default is."""
    field = "i" if isinstance(default, int) else "s"
    return next((getattr(a, field) for a in node.attribute if a.name == name), default)


def _check_draws(node: onnx.NodeProto) -> None:
    given = {a.name: a.f for a in node.attribute if a.type == onnx.AttributeProto.FLOAT}
    if node.op_type in _NORMAL:
        mean, scale = given.get("mean", 0.0), given.get("scale", 1.0)
        if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
            raise ModelFileError(
                f"{said(node)} draws with scale {scale:g} and mean {mean:g}; a scale above 0 and "
                "finite numbers are needed"
            )
        return
    low, high = given.get("low", 0.0), given.get("high", 1.0)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ModelFileError(
            f"{said(node)} draws between {low:g} and {high:g}; finite numbers in this order are "
            "needed"
        )
