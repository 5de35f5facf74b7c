"""Refuse the nodes at which native code that reads them is known to end the process."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import onnx

from onnxplain.errors import ModelFileError

# ONNX Runtime hands these numbers to the standard library of C++, which ends the process.
_NORMAL = frozenset({"RandomNormal", "RandomNormalLike"})
_UNIFORM = frozenset({"RandomUniform", "RandomUniformLike"})


def check_node(node: onnx.NodeProto) -> None:
    """Check one node, whatever graph it stands in.

    Raises
    ------
    ModelFileError
        If it draws from a distribution that there is not, or reads in front of a shape.
    """
    if node.op_type in _NORMAL | _UNIFORM:
        _check_draws(node)
    elif node.op_type == "GatherND":
        # Shape inference, which ONNX Runtime runs as well, takes it for a place in a list.
        count = next((a.i for a in node.attribute if a.name == "batch_dims"), 0)
        if count < 0:
            raise ModelFileError(f"{said(node)} has batch_dims {count}; 0 or more is needed")


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
