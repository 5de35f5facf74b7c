"""Relevance rules of nodes without weights, in PyTorch.

Each gets the node's recorded forward step and the relevance of its outputs, and returns the
relevance of those inputs that depend on the image. In which manner, is settled in
`onnxplain.relevance.manners`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import RuleUse, Unknown
from onnxplain.relevance.manners import Manner, cannot_fit, manner_of
from onnxplain.relevance.record import Record
from onnxplain.relevance.rules import stabilize

Shares = dict[str, Tensor]


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
    leaves = record.leaves()
    manner = manner_of(graph, record.step.node, list(leaves), epsilon, use, unknown)
    receivers = {k: leaves[k] for k in manner.receivers}
    if not receivers:
        return {}
    if manner.way == "derivative":
        return _transposed_jacobian(record, R)
    # Few passes: this runs at every node.
    part = R[0] / manner.parts if manner.parts != 1 else R[0]
    if manner.way == "whole":
        return {record.step.inputs[k]: part for k in receivers}
    if manner.way == "fitting":
        return _pass(record, part)
    if manner.way == "operands":
        return _sum_by_name(record, {k: part.sum_to_size(v.shape) for k, v in receivers.items()})
    if manner.way == "contribution":
        return _epsilon(record, part, manner, receivers)
    if manner.way == "terms":
        return _share_of_sum(record, part)
    return _softmax(graph, record, part)


def _pass(record: Record, R: Tensor) -> Shares:
    for k, leaf in record.leaves().items():
        if leaf.shape == R.shape:
            return {record.step.inputs[k]: R}
    raise cannot_fit(record.step.node, R.shape)


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


def _epsilon(record: Record, R: Tensor, manner: Manner, receivers: Mapping[int, Tensor]) -> Shares:
    """R_i = x_i J_i^T (R / y), on whatever linear map the node is at this point."""
    y = record.outputs[0]
    gradients = torch.autograd.grad(
        y,
        list(receivers.values()),
        R / stabilize(y.detach(), manner.epsilon),
        allow_unused=True,
        retain_graph=True,
    )
    shares = {
        k: None if g is None else receivers[k].detach() * g
        for k, g in zip(receivers, gradients, strict=True)
    }
    return _sum_by_name(record, shares)


def _share_of_sum(record: Record, R: Tensor) -> Shares:
    """Logarithm of a sum: the logarithm passes, and each term gets its share of the sum."""
    y = record.outputs[0]
    k, leaf = next(iter(record.leaves().items()))
    gradient = torch.autograd.grad(y, leaf, R, retain_graph=True)[0]
    return {record.step.inputs[k]: leaf.detach() * gradient}


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
