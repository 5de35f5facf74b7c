"""Fused floating-point operators that ONNX Runtime writes into optimised files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.activation import smooth_relu
from onnxplain.convert.conv import Conv
from onnxplain.convert.function import Function, integers, unsupported
from onnxplain.convert.linear import Gemm
from onnxplain.graph.view import Node

Activation = Callable[[Tensor], Tensor]


def _activation(node: Node) -> Activation:
    """Read the function that is fused to a convolution or a matrix product.

    FusedConv lists its parameters; FusedGemm gives each a name of its own, or none where the
    operator that was fused had the default.
    """
    get = node.attributes.get
    name = get("activation", "")
    listed: list[float] = get("activation_params", [])

    def parameter(position: int, letter: str, default: float) -> float:
        return listed[position] if listed else get(f"activation_{letter}", default)

    functions: dict[str, Callable[[], Activation]] = {
        "": lambda: lambda y: y,
        "Clip": lambda: partial(torch.clamp, min=listed[0], max=listed[1]),
        "Elu": lambda: partial(functional.elu, alpha=parameter(0, "alpha", 1.0)),
        "HardSigmoid": lambda: partial(
            _hard_sigmoid, alpha=parameter(0, "alpha", 0.2), beta=parameter(1, "beta", 0.5)
        ),
        "LeakyRelu": lambda: partial(
            functional.leaky_relu, negative_slope=parameter(0, "alpha", 0.01)
        ),
        "Relu": lambda: torch.relu,
        "Selu": lambda: partial(
            _scaled_elu,
            alpha=parameter(0, "alpha", 1.67326319217681884765625),
            gamma=parameter(1, "gamma", 1.05070102214813232421875),
        ),
        "Sigmoid": lambda: torch.sigmoid,
        "Softplus": lambda: smooth_relu,
        "Softsign": lambda: functional.softsign,
        "Tanh": lambda: torch.tanh,
        "ThresholdedRelu": lambda: partial(_thresholded, alpha=parameter(0, "alpha", 1.0)),
    }
    if name not in functions:
        raise unsupported(node, f"activation {name!r}")
    return functions[name]()


def _scaled_elu(y: Tensor, alpha: float, gamma: float) -> Tensor:
    return gamma * functional.elu(y, alpha)


def _hard_sigmoid(y: Tensor, alpha: float, beta: float) -> Tensor:
    return (y * alpha + beta).clamp(0, 1)


def _thresholded(y: Tensor, alpha: float) -> Tensor:
    return torch.where(y > alpha, y, 0)


class FusedConv(nn.Module):
    """Convolution, an optional sum, then an activation."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.conv = Conv(node)
        self.activation = _activation(node)

    def forward(
        self, x: Tensor, w: Tensor, b: Tensor | None = None, z: Tensor | None = None
    ) -> Tensor:
        """Convolve `x`, add `z`, activate."""
        y = self.conv(x, w, b)
        return self.activation(y if z is None else y + z)


def fused_conv(node: Node) -> nn.Module:
    """FusedConv."""
    return FusedConv(node)


def fused_gemm(node: Node) -> nn.Module:
    """FusedGemm: Gemm, then an activation."""
    gemm, activation = Gemm(node), _activation(node)
    return Function(lambda a, b, c=None: activation(gemm(a, b, c)))


def fused_matmul(node: Node) -> nn.Module:
    """FusedMatMul and TransposeMatMul: transposed operands and a factor."""
    get = node.attributes.get
    alpha, flip_a, flip_b = get("alpha", 1.0), get("transA", 0), get("transB", 0)
    batch_a, batch_b = get("transBatchA", 0), get("transBatchB", 0)

    def operand(x: Tensor, batch: int, flip: int) -> Tensor:
        x = x.movedim(0, -2) if batch else x
        return x.mT if flip and x.dim() > 1 else x

    return Function(lambda a, b: operand(a, batch_a, flip_a) @ operand(b, batch_b, flip_b) * alpha)


def bias_gelu(node: Node) -> nn.Module:
    """Gelu, BiasGelu and FastGelu: an optional bias, then Gelu; FastGelu uses tanh."""
    approximate = "tanh" if node.op_type == "FastGelu" else "none"
    return Function(
        lambda x, bias=None: functional.gelu(
            x if bias is None else x + bias, approximate=approximate
        )
    )


def quick_gelu(node: Node) -> nn.Module:
    """QuickGelu: ``x * sigmoid(alpha * x)``."""
    alpha = node.attributes.get("alpha", 1.702)
    return Function(lambda x: x * torch.sigmoid(alpha * x))


def skip_layer_normalization(node: Node) -> nn.Module:
    """SkipLayerNormalization: layer normalisation of a sum; the sum is the fourth output."""
    epsilon, outputs = node.attributes.get("epsilon", 1e-12), len(node.outputs)

    def apply(
        x: Tensor,
        skip: Tensor,
        gamma: Tensor,
        beta: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        total = x + skip if bias is None else x + skip + bias
        y = functional.layer_norm(total, total.shape[-1:], gamma, beta, epsilon)
        if outputs == 1:
            return y
        variance, mean = torch.var_mean(total, -1, correction=0, keepdim=True)
        return y, mean, (variance + epsilon).rsqrt(), total

    return Function(apply)


def skip_rms_normalization(node: Node) -> nn.Module:
    """SkipSimplifiedLayerNormalization: the same, divided by the root mean square."""
    epsilon, outputs = node.attributes.get("epsilon", 1e-12), len(node.outputs)

    def apply(
        x: Tensor, skip: Tensor, gamma: Tensor, bias: Tensor | None = None
    ) -> Tensor | tuple[Tensor, ...]:
        total = x + skip if bias is None else x + skip + bias
        y = functional.rms_norm(total, total.shape[-1:], gamma, epsilon)
        if outputs == 1:
            return y
        square = total.square().mean(-1, keepdim=True)
        return y, total.mean(-1, keepdim=True), (square + epsilon).rsqrt(), total

    return Function(apply)


def expand_dims(node: Node) -> nn.Module:
    """ExpandDims: a new axis of length one."""
    return Function(lambda x, axis: x.unsqueeze(integers(axis)[0]))


def inverse(node: Node) -> nn.Module:
    """Inverse of square matrices."""
    return Function(torch.linalg.inv)


def distance(node: Node) -> nn.Module:
    """CDist: distances between the rows of two matrices."""
    squared = node.attributes.get("metric", "sqeuclidean") == "sqeuclidean"

    def apply(a: Tensor, b: Tensor) -> Tensor:
        difference = a.unsqueeze(1) - b.unsqueeze(0)
        if squared:
            return difference.square().sum(-1)
        return torch.linalg.vector_norm(difference, dim=-1)

    return Function(apply)
