"""Merge a weighted node with the per-channel scaling and shift that follow it.

``BN(conv(x, w, b)) = conv(x, w s, (b - mean) s + beta)`` with s = gamma / sqrt(var + eps):
a rule that looks at the sign of weights and biases must see the merged ones. It is guided
by dataflow (who reads which tensor), not by the order of layers, and is done here, in the
walk's own precision, so that the forward graph and its tensor names stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.program import Step
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.composites import CONV, LINEAR


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
    graph: Graph, step: Step, constants: Mapping[str, Tensor], dynamic: set[str]
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
    """
    node = step.node
    if node.domain or node.op_type not in CONV | LINEAR:
        return None
    data = [i for i in node.inputs if i in dynamic]
    if len(data) != 1 or (node.op_type != "MatMul" and data[0] != node.inputs[0]):
        return None
    fixed = [i for i in node.inputs if i and i != data[0]]
    if any(i not in constants for i in fixed):
        return None
    weight = constants[fixed[0]]
    bias = constants[fixed[1]] if len(fixed) > 1 else None
    if node.op_type == "Gemm":
        # A rule that looks at weights must see them as they act.
        weight = weight * node.attributes.get("alpha", 1.0)
        bias = None if bias is None else bias * node.attributes.get("beta", 1.0)
    merged = WeightedNode(step, data[0], node.output, weight, bias)
    while (grown := _absorb_next(graph, merged, constants)) is not None:
        merged = grown
    return merged


def _absorb_next(
    graph: Graph, merged: WeightedNode, constants: Mapping[str, Tensor]
) -> WeightedNode | None:
    readers = graph.consumers.get(merged.output, ())
    outputs = {o.name for o in graph.outputs}
    if len(readers) != 1 or merged.output in outputs or not _mergeable(merged.step.node, merged):
        return None
    channels = _channels(merged)
    affine = _affine(readers[0], merged, constants, channels)
    if affine is None:
        return None
    scale, shift = affine
    weight = merged.weight * _along_outputs(merged, scale)
    old = merged.bias if merged.bias is not None else torch.zeros_like(shift)
    bias = old.reshape(-1) * scale + shift
    internal = (*merged.internal, merged.output)
    return WeightedNode(merged.step, merged.data, readers[0].output, weight, bias, internal)


def _mergeable(node: Node, merged: WeightedNode) -> bool:
    if node.op_type == "Gemm":
        return merged.bias is None or merged.bias.ndim == 1
    if node.op_type == "ConvTranspose":
        return node.attributes.get("group", 1) == 1
    if node.op_type == "MatMul":
        # Only x @ W with a matrix: its columns are the output channels.
        return node.inputs[0] == merged.data and merged.weight.ndim == 2
    return True


def _output_axis(merged: WeightedNode) -> int:
    node = merged.step.node
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    return 0 if node.op_type == "Gemm" and node.attributes.get("transB", 0) else 1


def _channels(merged: WeightedNode) -> int:
    return merged.weight.shape[_output_axis(merged)]


def _along_outputs(merged: WeightedNode, scale: Tensor) -> Tensor:
    shape = [1] * merged.weight.ndim
    shape[_output_axis(merged)] = -1
    return scale.reshape(shape)


def _affine(
    node: Node, merged: WeightedNode, constants: Mapping[str, Tensor], channels: int
) -> tuple[Tensor, Tensor] | None:
    """Per-channel scale and shift that `node` applies, if that is all it does."""
    if node.domain or any(i and i != merged.output and i not in constants for i in node.inputs):
        return None
    if node.op_type == "BatchNormalization" and node.inputs[0] == merged.output:
        gamma, beta, mean, variance = (constants[i] for i in node.inputs[1:5])
        if gamma.ndim != 1:
            return None  # every place has statistics of its own
        scale = gamma / torch.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        return scale, beta - mean * scale
    if node.op_type not in ("Add", "Mul") or len(set(node.inputs)) != 2:
        return None
    constant = constants[next(i for i in node.inputs if i != merged.output)]
    vector = _per_channel(constant, merged, channels)
    if vector is None:
        return None
    if node.op_type == "Add":
        return torch.ones_like(vector), vector
    return vector, torch.zeros_like(vector)


def _per_channel(constant: Tensor, merged: WeightedNode, channels: int) -> Tensor | None:
    """Flatten a constant that varies along the output channels only, else ``None``."""
    if not constant.is_floating_point():
        return None
    # Channels are followed by the spatial axes in a convolution, and last otherwise.
    after = merged.weight.ndim - 2 if merged.step.node.op_type in CONV else 0
    shape = list(constant.shape)
    if constant.numel() == 1:
        return constant.reshape(1).expand(channels)
    position = len(shape) - 1 - after
    if position < 0 or shape[position] != channels or constant.numel() != channels:
        return None
    return constant.reshape(-1)
