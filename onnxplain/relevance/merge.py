"""Merge a weighted node with the per-channel scaling and shift that follow it.

Which nodes these are is settled in `onnxplain.relevance.chains`. It is done here, in the
walk's own precision, so that the forward graph and its tensor names stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.step import Step
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.chains import Chain, Fixed, operand, weighted_chain
from onnxplain.relevance.composites import CONV


@dataclass(frozen=True)
class WeightedNode:
    """A weighted node, merged with what follows it.

    Attributes
    ----------
    step : Step
        The weighted step itself.
    data : str
        Tensor that carries the signal into it.
    output : str
        Last tensor of the merged chain.
    weight : Tensor
        Merged weight.
    bias : Tensor or None
        Merged bias, broadcastable to the output.
    internal : tuple of str
        Tensors of the chain in front of `output`; what scales or shifts them hands all of
        its relevance on, so theirs is that of `output`.
    """

    step: Step
    data: str
    output: str
    weight: Tensor
    bias: Tensor | None
    internal: tuple[str, ...] = ()

    def layer(self, x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        """Run the step with other operands."""
        node = self.step.node
        if node.op_type in CONV:
            return self.step.module(x, w, b) if b is not None else self.step.module(x, w)
        if node.op_type == "Gemm":
            # Not its module: alpha and beta are part of weight and bias already.
            left = x.mT if node.attributes.get("transA", 0) else x
            product = left @ (w.mT if node.attributes.get("transB", 0) else w)
        else:
            product = self.step.module(*((x, w) if node.inputs[0] == self.data else (w, x)))
        return product if b is None else product + b


def weighted_node(
    graph: Graph,
    step: Step,
    constants: Mapping[str, Tensor],
    dynamic: set[str],
    starts: AbstractSet[str] = frozenset(),
) -> WeightedNode | None:
    """Describe a step as weighted node, or return ``None`` if it is none.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    step : Step
        Any step of the converted program.
    constants : mapping of str to Tensor
        Initializers in the walk's precision.
    dynamic : set of str
        Tensors that depend on the explained input.
    starts : set of str, optional
        Tensors at which relevance starts: nothing after them is merged.
    """

    def look(name: str) -> Fixed | None:
        found = constants.get(name)
        return None if found is None else Fixed(tuple(found.shape), found.is_floating_point())

    chain = weighted_chain(graph, step.node, look, dynamic, starts)
    if chain is None:
        return None
    weight = constants[chain.weight]
    bias = constants[chain.bias] if chain.bias else None
    if step.node.op_type == "Gemm":
        # A rule that looks at weights must see them as they act.
        weight = weight * step.node.attributes.get("alpha", 1.0)
        bias = None if bias is None else bias * step.node.attributes.get("beta", 1.0)
    shape = [1] * weight.ndim
    shape[chain.output_axis] = -1
    for node in chain.affine:
        scale, shift = _affine(node, chain, constants, weight.shape[chain.output_axis])
        weight = weight * scale.reshape(shape)
        old = bias if bias is not None else torch.zeros_like(shift)
        bias = old.reshape(-1) * scale + shift
    return WeightedNode(step, chain.data, chain.output, weight, bias, chain.tensors[:-1])


def _affine(
    node: Node, chain: Chain, constants: Mapping[str, Tensor], channels: int
) -> tuple[Tensor, Tensor]:
    """Per-channel scale and shift that `node` applies."""
    if node.op_type == "BatchNormalization":
        gamma, beta, mean, variance = (constants[i] for i in node.inputs[1:5])
        scale = gamma / torch.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        return scale, beta - mean * scale
    vector = constants[operand(node, chain)].reshape(-1).expand(channels)
    if node.op_type == "Add":
        return torch.ones_like(vector), vector
    return vector, torch.zeros_like(vector)
