"""Relevance rules of nodes without weights, chosen by their ONNX operator.

Each rule gets the node's recorded forward step and the relevance of its outputs, and
returns the relevance of those inputs that depend on the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.program import Step
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.gates import signal_operand
from onnxplain.relevance.kinds import AVERAGING, ELEMENTWISE, MOVING, NORMALISING
from onnxplain.relevance.rules import stabilize

Shares = dict[str, Tensor]


@dataclass(frozen=True)
class Record:
    """One executed step, with its own small autograd graph.

    Attributes
    ----------
    step : Step
        What was executed.
    inputs : tuple of (Tensor or None)
        Operands as given; those that carry the signal are leaves that require gradients.
    outputs : tuple of Tensor
        Results, attached to the leaves.
    """

    step: Step
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    def leaves(self) -> dict[int, Tensor]:
        """Operands that carry the signal, by position."""
        return {
            k: v
            for k, v in enumerate(self.inputs)
            if v is not None and v.is_floating_point() and v.requires_grad
        }


def propagate(graph: Graph, record: Record, R: Sequence[Tensor], epsilon: float) -> Shares:
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

    Raises
    ------
    MethodRefusedError
        If there is no rule for the operator; a silent gradient is never used instead.
    """
    node = record.step.node
    kind = node.op_type
    if node.domain:
        raise _no_rule(node)
    if kind in ELEMENTWISE or kind == "BatchNormalization":
        return {record.step.inputs[k]: R[0] for k in list(record.leaves())[:1]}
    if kind in MOVING:
        return _transposed_jacobian(record, R)
    if kind in AVERAGING or kind in NORMALISING or kind in ("Add", "Sub", "Conv", "ConvTranspose"):
        return _epsilon(record, R[0], epsilon)
    if kind in ("Mul", "Div"):
        return _product(graph, record, R[0])
    if kind in ("MatMul", "Gemm"):
        operands = len(record.leaves())
        return _epsilon(record, R[0] / operands, epsilon)
    if kind == "Softmax":
        return _softmax(graph, record, R[0])
    raise _no_rule(node)


def _no_rule(node: Node) -> MethodRefusedError:
    return MethodRefusedError(
        f"no relevance rule for operator {node.operator} at tensor {node.output!r}; "
        "gradient methods (integrated-gradients, grad-cam) or occlusion work without rules"
    )


def _transposed_jacobian(record: Record, R: Sequence[Tensor]) -> Shares:
    leaves = record.leaves()
    pairs = [(y, r) for y, r in zip(record.outputs, R, strict=False) if y.requires_grad]
    gradients = torch.autograd.grad(
        [y for y, _ in pairs], list(leaves.values()), [r for _, r in pairs], allow_unused=True
    )
    return _sum_by_name(record, dict(zip(leaves, gradients, strict=True)))


def _epsilon(record: Record, R: Tensor, epsilon: float) -> Shares:
    """R_i = x_i J_i^T (R / y), on whatever linear map the node is at this point."""
    leaves = record.leaves()
    y = record.outputs[0]
    gradients = torch.autograd.grad(
        y, list(leaves.values()), R / stabilize(y.detach(), epsilon), allow_unused=True
    )
    shares = {
        k: None if g is None else leaves[k].detach() * g
        for k, g in zip(leaves, gradients, strict=True)
    }
    return _sum_by_name(record, shares)


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
    # Up to opset 12, everything behind the axis is one distribution.
    together = graph.opsets.get("", 13) < 13
    axis = record.step.node.attributes.get("axis", 1 if together else -1) % x.dim()
    axes = list(range(axis, x.dim())) if together else [axis]
    finite = torch.where(torch.isinf(x), torch.zeros_like(x), x)
    return {record.step.inputs[0]: finite * (R - p * R.sum(axes, keepdim=True))}


def _sum_by_name(record: Record, shares: dict[int, Tensor | None]) -> Shares:
    result: Shares = {}
    for k, share in shares.items():
        if share is not None:
            name = record.step.inputs[k]
            result[name] = result[name] + share if name in result else share
    return result
