"""Relevance rules of nodes without weights, chosen by their ONNX operator.

Each rule gets the node's recorded forward step and the relevance of its outputs, and
returns the relevance of those inputs that depend on the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import is_control_flow
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.bodies import computes
from onnxplain.relevance.composites import RuleUse, Unknown
from onnxplain.relevance.gates import constant_operand, signal_operand
from onnxplain.relevance.kinds import (
    AVERAGING,
    BILINEAR,
    CHOOSING,
    ELEMENTWISE,
    HOMOGENEOUS,
    LINEAR_MAPS,
    MOVING,
    NORMALISING,
    READING,
    SCALING,
)
from onnxplain.relevance.record import Record
from onnxplain.relevance.rule_table import WITHOUT_WEIGHTS
from onnxplain.relevance.rules import STABILIZER, stabilize

Shares = dict[str, Tensor]
_BY_CONTRIBUTION = AVERAGING | LINEAR_MAPS | NORMALISING | {"Add", "Sub", "Conv", "ConvTranspose"}


def propagate(
    graph: Graph,
    record: Record,
    R: Sequence[Tensor],
    epsilon: float,
    use: RuleUse | None = None,
    unknown: Unknown = "refuse",
) -> Shares:
    """Hand the relevance of a node's outputs on to its inputs.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    record : Record
        The executed step.
    R : sequence of Tensor
        Relevance of every output, in order.
    epsilon : float
        Stabilizer of the epsilon rule.
    use : RuleUse, optional
        Rule that stands in the place of the operator's own.
    unknown : {"refuse", "pass", "gradient"}
        What to do if the operator has no rule.

    Raises
    ------
    MethodRefusedError
        If there is no rule for the operator and `unknown` is to refuse, or `use` cannot
        stand here; a silent gradient is never used instead.
    """
    node = record.step.node
    if use is not None:
        return _as_told(graph, record, R, epsilon, use)
    kind = node.operator
    if kind in ELEMENTWISE or kind in SCALING or kind == "BatchNormalization":
        return {record.step.inputs[k]: R[0] for k in list(record.leaves())[:1]}
    if kind in MOVING or kind in CHOOSING:
        return _transposed_jacobian(record, R)
    if kind in _BY_CONTRIBUTION:
        return _epsilon(record, R[0], epsilon)
    if kind in HOMOGENEOUS:
        return _epsilon(record, R[0] / HOMOGENEOUS[kind], epsilon)
    if kind in READING:
        return _epsilon(record, R[0], epsilon, {k: v for k, v in record.leaves().items() if not k})
    if kind == "ReduceLogSum":
        return _share_of_sum(record, R[0])
    if kind in ("Mul", "Div"):
        return _product(graph, record, R[0])
    if kind in ("Softmax", "LogSoftmax"):
        return _softmax(graph, record, R[0])
    if is_control_flow(node) and not computes(node, graph):
        return _transposed_jacobian(record, R)
    if kind in BILINEAR:
        return _epsilon(record, R[0] / len(record.leaves()), epsilon)
    if unknown == "refuse":
        raise _no_rule(node, computes(node, graph))
    return _as_told(graph, record, R, epsilon, RuleUse(unknown))


def _no_rule(node: Node, inside: Sequence[str]) -> MethodRefusedError:
    holds = f", which holds {', '.join(inside)}" if inside else ""
    return MethodRefusedError(
        f"no relevance rule for operator {node.operator} at tensor {node.output!r}{holds}; "
        "unknown=pass hands relevance on element by element there, unknown=gradient by the "
        "derivative; integrated-gradients, grad-cam and occlusion work without rules"
    )


def _as_told(
    graph: Graph, record: Record, R: Sequence[Tensor], epsilon: float, use: RuleUse
) -> Shares:
    """Apply a rule that a composite names."""
    node = record.step.node
    if use.rule == "none":
        return {}
    if use.rule == "gradient":
        return _transposed_jacobian(record, R)
    if use.rule == "pass":
        return _pass(record, R[0])
    if use.rule in ("epsilon", "norm"):
        own = use.parameters.get("epsilon", epsilon)
        return _epsilon(record, R[0], STABILIZER if use.rule == "norm" else own)
    if use.rule == "deep-taylor" and node.op_type == "Softmax":
        return _softmax(graph, record, R[0])
    product = node.operator == "Mul" or node.operator in BILINEAR
    if use.rule in ("halves", "signal") and product:
        return _two_signals(graph, record, R[0], epsilon, use.rule)
    raise MethodRefusedError(
        f"rule {use.rule} cannot stand at {node}: it is for "
        f"{_PLACES.get(use.rule, 'nodes with constant weights (convolution, linear)')}; "
        f"rules for any node: {', '.join(r for r in WITHOUT_WEIGHTS if r not in _PLACES)}"
    )


_PLACES = {
    "deep-taylor": "Softmax",
    "halves": "products of two signals",
    "signal": "products of two signals",
}


def _pass(record: Record, R: Tensor) -> Shares:
    for k, leaf in record.leaves().items():
        if leaf.shape == R.shape:
            return {record.step.inputs[k]: R}
    raise MethodRefusedError(
        f"relevance cannot pass {record.step.node} element by element: no input has the shape "
        f"{list(R.shape)} of its output; use gradient there"
    )


def _two_signals(graph: Graph, record: Record, R: Tensor, epsilon: float, rule: str) -> Shares:
    """Half to each operand, or all to the one that carries the signal."""
    leaves = record.leaves()
    matrices = record.step.node.op_type != "Mul"
    constant = constant_operand(graph, record.step.node) if rule == "signal" else None
    receivers = {k: v for k, v in leaves.items() if k != constant}
    part = R / len(receivers)
    if matrices:
        return _epsilon(record, part, epsilon, receivers)
    return _sum_by_name(record, {k: part.sum_to_size(v.shape) for k, v in receivers.items()})


def _transposed_jacobian(record: Record, R: Sequence[Tensor]) -> Shares:
    leaves = record.leaves()
    pairs = [(y, r) for y, r in zip(record.outputs, R, strict=False) if y.requires_grad]
    gradients = torch.autograd.grad(
        [y for y, _ in pairs],
        list(leaves.values()),
        [r for _, r in pairs],
        allow_unused=True,
        retain_graph=True,  # other walks may follow; the record's owner frees it
    )
    return _sum_by_name(record, dict(zip(leaves, gradients, strict=True)))


def _epsilon(
    record: Record, R: Tensor, epsilon: float, receivers: Mapping[int, Tensor] | None = None
) -> Shares:
    """R_i = x_i J_i^T (R / y), on whatever linear map the node is at this point."""
    leaves = record.leaves() if receivers is None else receivers
    if not leaves:
        return {}
    y = record.outputs[0]
    gradients = torch.autograd.grad(
        y,
        list(leaves.values()),
        R / stabilize(y.detach(), epsilon),
        allow_unused=True,
        retain_graph=True,
    )
    shares = {
        k: None if g is None else leaves[k].detach() * g
        for k, g in zip(leaves, gradients, strict=True)
    }
    return _sum_by_name(record, shares)


def _share_of_sum(record: Record, R: Tensor) -> Shares:
    """Logarithm of a sum: the logarithm passes, and each term gets its share of the sum."""
    y = record.outputs[0]
    k, leaf = next(iter(record.leaves().items()))
    gradient = torch.autograd.grad(y, leaf, R, retain_graph=True)[0]
    return {record.step.inputs[k]: leaf.detach() * gradient}


def _product(graph: Graph, record: Record, R: Tensor) -> Shares:
    leaves = record.leaves()
    names = record.step.inputs
    if record.step.node.op_type == "Div":
        # A denominator normalises: it is held constant (AttnLRP, proposition 3.4).
        return {names[0]: R.sum_to_size(leaves[0].shape)} if 0 in leaves else {}
    if len(leaves) == 1:
        ((k, leaf),) = leaves.items()
        return {names[k]: R.sum_to_size(leaf.shape)}
    signal = signal_operand(graph, record.step.node)
    if signal is not None:
        return {names[signal]: R.sum_to_size(leaves[signal].shape)}
    return _sum_by_name(record, {k: (R / 2).sum_to_size(v.shape) for k, v in leaves.items()})


def _softmax(graph: Graph, record: Record, R: Tensor) -> Shares:
    """X (R - p sum R): deep Taylor decomposition with bias (AttnLRP, proposition 3.1)."""
    x = record.inputs[0]
    assert x is not None
    x = x.detach()
    p = record.outputs[0].detach()
    if record.step.node.op_type == "LogSoftmax":
        p = p.exp()  # the logarithm hands relevance on element by element
    # Up to opset 12, everything after the axis is one distribution.
    together = graph.opsets.get("", 13) < 13
    axis = record.step.node.attributes.get("axis", 1 if together else -1) % x.dim()
    axes = list(range(axis, x.dim())) if together else [axis]
    finite = torch.where(torch.isinf(x), torch.zeros_like(x), x)
    return {record.step.inputs[0]: finite * (R - p * R.sum(axes, keepdim=True))}


def _sum_by_name(record: Record, shares: Mapping[int, Tensor | None]) -> Shares:
    result: Shares = {}
    for k, share in shares.items():
        if share is not None:
            name = record.step.inputs[k]
            result[name] = result[name] + share if name in result else share
    return result
