"""Relevance of nodes without weights, as ONNX nodes, in the manner that is settled for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnxplain.errors import ConversionError
from onnxplain.relevance.kinds import NORMALISING
from onnxplain.relevance.manners import Manner, cannot_fit
from onnxplain.relevance.nodes.fixed_scale import fixed_scale
from onnxplain.relevance.nodes.weighted import stabilized
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.rules import RULES

#: Relevance of operands, by position.
Shares = dict[int, str]


def write_shares(at: Back, manner: Manner) -> Shares:
    """Write the relevance of a node's operands.

    Parameters
    ----------
    at : Back
        The node; what arrives at its outputs is relevance, and the tensors needed are those
        that carry the signal.
    manner : Manner
        How it hands relevance on.

    Raises
    ------
    ConversionError
        If that cannot be written in ONNX nodes.
    """
    if not manner.receivers:
        return {}
    if manner.way == "derivative":
        return _jacobian(at, at.slopes, manner.receivers)
    R = at.slope if manner.parts == 1 else at("Div", at.slope, float(manner.parts))
    if manner.way == "whole":
        return dict.fromkeys(manner.receivers, R)
    if manner.way == "fitting":
        for k in manner.receivers:
            if at.shape(k) == at.y_shape:
                return {k: R}
        raise cannot_fit(at.node, at.y_shape)
    if manner.way == "operands":
        return {k: at.to_operand(R, k) for k in manner.receivers}
    if manner.way == "softmax":
        return {0: _softmax(at, R)}
    if manner.way == "contribution":
        R = at("Div", R, stabilized(at, _real(at, at.node.output), manner.epsilon))
    slopes = _jacobian(at, (R, *at.slopes[1:]), manner.receivers)
    return {k: at("Mul", _real(at, at.node.inputs[k]), s) for k, s in slopes.items()}


def _jacobian(at: Back, slopes: Sequence[str | None], receivers: Sequence[int]) -> Shares:
    """The transposed Jacobian, that of the linear part where a scale is held constant."""
    if at.node.operator in NORMALISING:
        return {0: fixed_scale(at, str(slopes[0]))}
    if at.node.operator not in RULES:
        raise ConversionError(
            f"no derivative in ONNX nodes is known for {at.node.operator} ({at.node.output!r}), "
            "which relevance needs there; `explain` runs the model in PyTorch"
        )
    wanted = {at.node.inputs[k] for k in receivers}
    found = RULES[at.node.operator](replace(at, slopes=tuple(slopes), needed=wanted))
    return {k: s for k, s in enumerate(found) if s is not None and k in receivers}


def _real(at: Back, tensor: str) -> str:
    """A tensor as real numbers."""
    name = at.name(tensor)
    return name if at.facts.types[tensor] == at.dtype else at.cast(name)


def _softmax(at: Back, R: str) -> str:
    """X (R - p sum R), where x is finite."""
    axis = at.get("axis", -1) % at.rank()
    p = at("Exp", at.y) if at.node.op_type == "LogSoftmax" else at.y
    finite = at("Where", at("IsInf", at.x()), 0.0, at.x())
    taken = at("Mul", p, at.sum(R, [axis]))
    return at("Mul", finite, at("Sub", R, taken))
