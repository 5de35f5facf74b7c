"""Normalisation layers, written out as arithmetic.

BatchNormalization is an affine map here because the kernel of eval-mode batch
normalisation returns a wrong gradient for one sample in some PyTorch releases (2.13.0 on
the CPU) when the incoming gradient is not contiguous.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function, unsupported
from onnxplain.graph.training import trains
from onnxplain.graph.view import Node


def _per_channel(vector: Tensor, x: Tensor) -> Tensor:
    """Reshape ``(C,)`` so that it multiplies axis 1 of `x`."""
    return vector.reshape(-1, *[1] * (x.dim() - 2))


def _standardise(x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    return centred * (centred.square().mean(axes, keepdim=True) + epsilon).rsqrt()


def batch_normalization(node: Node) -> nn.Module:
    """BatchNormalization, opset 7 to 15: at inference ``x * scale + shift``."""
    if any(node.outputs[1:]) and not trains(node):
        raise unsupported(node, "batch normalisation in training mode")
    # Up to opset 8, every place of a feature map may have statistics of its own.
    spatial = node.attributes.get("spatial", 1) == 1
    if trains(node) and not spatial:
        raise unsupported(node, "batch normalisation with spatial=0 in training mode")
    epsilon = node.attributes.get("epsilon", 1e-5)

    def normalise(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        scale = gamma * (var + epsilon).rsqrt()
        shift = beta - mean * scale
        if spatial:
            scale, shift = _per_channel(scale, x), _per_channel(shift, x)
        return (x * scale + shift).to(x.dtype)

    momentum = node.attributes.get("momentum", 0.9)

    def standardise(
        x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor
    ) -> tuple[Tensor, ...]:
        axes = (0, *range(2, x.dim()))
        own_mean, own_var = x.mean(axes), x.var(axes, correction=0)
        y = normalise(x, gamma, beta, own_mean, own_var)
        running = (
            old * momentum + new * (1 - momentum) for old, new in ((mean, own_mean), (var, own_var))
        )
        return y, *running, own_mean, (own_var + epsilon).rsqrt()

    return Function(standardise if trains(node) else normalise)


def instance_normalization(node: Node) -> nn.Module:
    """InstanceNormalization: each channel of each sample over its spatial axes."""
    epsilon = node.attributes.get("epsilon", 1e-5)

    def normalise(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        y = _standardise(x, tuple(range(2, x.dim())), epsilon)
        return y * _per_channel(gamma, x) + _per_channel(beta, x)

    return Function(normalise)


def _grouped(node: Node, x: Tensor) -> Tensor:
    groups, epsilon = node.attributes["num_groups"], node.attributes.get("epsilon", 1e-5)
    return _standardise(x.reshape(x.shape[0], groups, -1), (-1,), epsilon).reshape(x.shape)


def group_normalization_18(node: Node) -> nn.Module:
    """GroupNormalization-18: scale and bias hold one value for each group."""

    def normalise(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        repeat = x.shape[1] // node.attributes["num_groups"]
        gamma, beta = gamma.repeat_interleave(repeat), beta.repeat_interleave(repeat)
        return _grouped(node, x) * _per_channel(gamma, x) + _per_channel(beta, x)

    return Function(normalise)


def group_normalization(node: Node) -> nn.Module:
    """GroupNormalization-21: scale and bias hold one value for each channel."""

    def normalise(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return _grouped(node, x) * _per_channel(gamma, x) + _per_channel(beta, x)

    return Function(normalise)


def layer_normalization(node: Node) -> nn.Module:
    """LayerNormalization: over all axes from ``axis`` on; also mean and 1 / deviation."""
    axis, epsilon = node.attributes.get("axis", -1), node.attributes.get("epsilon", 1e-5)
    outputs = len(node.outputs)

    def normalise(x: Tensor, gamma: Tensor, beta: Tensor | None = None) -> Tensor | tuple:
        shape = x.shape[axis % x.dim() :]
        if outputs == 1 and gamma.shape == shape and (beta is None or beta.shape == shape):
            return functional.layer_norm(x, shape, gamma, beta, epsilon)
        axes = tuple(range(axis % x.dim(), x.dim()))
        mean = x.mean(axes, keepdim=True)
        inverse = ((x - mean).square().mean(axes, keepdim=True) + epsilon).rsqrt()
        y = (x - mean) * inverse * gamma
        y = y if beta is None else y + beta
        return y if outputs == 1 else (y, mean, inverse)

    return Function(normalise)


def rms_normalization(node: Node) -> nn.Module:
    """RMSNormalization: divide by the root mean square over all axes from ``axis`` on."""
    axis, epsilon = node.attributes.get("axis", -1), node.attributes.get("epsilon", 1e-5)

    def normalise(x: Tensor, gamma: Tensor) -> Tensor:
        axes = tuple(range(axis % x.dim(), x.dim()))
        return x * (x.square().mean(axes, keepdim=True) + epsilon).rsqrt() * gamma

    return Function(normalise)


def lp_normalization(node: Node) -> nn.Module:
    """LpNormalization: divide by the ``p``-norm along one axis; a zero vector stays zero."""
    axis, p = node.attributes.get("axis", -1), node.attributes.get("p", 2)

    def normalise(x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, p, axis, keepdim=True)
        return x / torch.where(norm == 0, 1.0, norm)

    return Function(normalise)


def mean_variance_normalization(node: Node) -> nn.Module:
    """MeanVarianceNormalization: subtract the mean, divide by deviation + 1e-9."""
    axes = tuple(node.attributes.get("axes", [0, 2, 3]))

    def normalise(x: Tensor) -> Tensor:
        centred = x - x.mean(axes, keepdim=True)
        return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)

    return Function(normalise)


def local_response_normalization(node: Node) -> nn.Module:
    """LRN: divide by a power of the mean square over neighbouring channels."""
    alpha, beta = node.attributes.get("alpha", 1e-4), node.attributes.get("beta", 0.75)
    bias, size = node.attributes.get("bias", 1.0), node.attributes["size"]

    def normalise(x: Tensor) -> Tensor:
        before, after = (size - 1) // 2, size // 2
        squares = functional.pad(x.square().movedim(1, -1), (before, after))
        total = squares.unfold(-1, size, 1).sum(-1).movedim(-1, 1)
        return x / (bias + alpha / size * total) ** beta

    return Function(normalise)
