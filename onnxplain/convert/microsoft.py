"""Fused floating-point operators that ONNX Runtime writes into optimised files."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.attention import merge_heads
from onnxplain.convert.conv import Conv
from onnxplain.convert.function import Function, unsupported
from onnxplain.convert.linear import Gemm
from onnxplain.graph.view import Node

Activation = Callable[[Tensor], Tensor]


def _activation(node: Node) -> Activation:
    """Read the function that is fused behind a convolution or a matrix product."""
    name = node.attributes.get("activation", "")
    given: list[float] = node.attributes.get("activation_params", [])
    alpha = given[0] if given else node.attributes.get("activation_alpha", 0.01)
    functions: dict[str, Activation] = {
        "": lambda y: y,
        "Relu": torch.relu,
        "Sigmoid": torch.sigmoid,
        "Tanh": torch.tanh,
        "LeakyRelu": lambda y: functional.leaky_relu(y, alpha),
        "Clip": lambda y: y.clamp(given[0], given[1]),
        "HardSigmoid": lambda y: (y * given[0] + given[1]).clamp(0, 1),
    }
    if name not in functions:
        raise unsupported(node, f"activation {name!r}")
    return functions[name]


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
    if any(node.outputs[1:3]):
        raise unsupported(node, "output of mean or deviation")

    def apply(
        x: Tensor,
        skip: Tensor,
        gamma: Tensor,
        beta: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor | tuple[Tensor | None, ...]:
        total = x + skip if bias is None else x + skip + bias
        y = functional.layer_norm(total, total.shape[-1:], gamma, beta, epsilon)
        return y if outputs == 1 else (y, None, None, total)

    return Function(apply)


class MultiHeadAttention(nn.Module):
    """Attention over joined heads, ``(N, L, H * D)``, without mask or cache."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.heads: int = node.attributes["num_heads"]
        self.scale: float = node.attributes.get("scale", 0.0)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend, for joined heads of each operand."""
        q, k, v = (
            t.reshape(t.shape[0], t.shape[1], self.heads, -1).transpose(1, 2) for t in (q, k, v)
        )
        scale = self.scale or 1 / math.sqrt(q.shape[-1])
        return merge_heads(torch.softmax(q @ k.mT * scale, -1) @ v)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """Add the three biases, which come as one vector, and attend."""
        if bias is not None:
            parts = bias.split([q.shape[-1], k.shape[-1], v.shape[-1]])
            q, k, v = (t + part for t, part in zip((q, k, v), parts, strict=True))
        return self.attend(q, k, v)


def multi_head_attention(node: Node) -> nn.Module:
    """MultiHeadAttention with separate query, key and value."""
    if any(node.inputs[4:]) or any(node.outputs[1:]) or not all(node.inputs[1:3]):
        raise unsupported(node, "MultiHeadAttention with mask, cache or packed operands")
    return MultiHeadAttention(node)


def attention(node: Node) -> nn.Module:
    """Attention: one matrix projects to query, key and value."""
    if any(node.inputs[3:]) or any(node.outputs[1:]) or node.attributes.get("unidirectional"):
        raise unsupported(node, "Attention with mask, cache or causal order")
    core = MultiHeadAttention(node)
    widths = node.attributes.get("qkv_hidden_sizes")

    def apply(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
        projected = x @ w if b is None else x @ w + b
        return core.attend(*projected.split(widths or projected.shape[-1] // 3, -1))

    return Function(apply)
