"""Matrix products; all operands are inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onnxplain.graph.view import Node


class Gemm(nn.Module):
    """``alpha * A' @ B' + beta * C``, called as ``module(a, b, c)``.

    Parameters
    ----------
    node : Node
        A Gemm node; reads ``alpha``, ``beta``, ``transA``, ``transB``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.alpha: float = node.attributes.get("alpha", 1.0)
        self.beta: float = node.attributes.get("beta", 1.0)
        self.transpose_a = bool(node.attributes.get("transA", 0))
        self.transpose_b = bool(node.attributes.get("transB", 0))

    def forward(self, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        """Multiply.

        Parameters
        ----------
        a : (M, K) Tensor, or (K, M) if transposed
        b : (K, N) Tensor, or (N, K) if transposed
        c : Tensor, optional
            Broadcast to (M, N).

        Returns
        -------
        (M, N) Tensor
        """
        y = (a.T if self.transpose_a else a) @ (b.T if self.transpose_b else b)
        y = y if self.alpha == 1 else (y * self.alpha).to(y.dtype)
        if c is None:
            return y
        return y + (c if self.beta == 1 else (c * self.beta).to(y.dtype))


class MatMul(nn.Module):
    """Matrix product with the rules of ``numpy.matmul``, called as ``module(a, b)``."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Multiply ``(..., M, K)`` by ``(..., K, N)``."""
        return torch.matmul(a, b)


def gemm(node: Node) -> nn.Module:
    """Gemm, opset 7 to 13."""
    return Gemm(node)


def matmul(node: Node) -> nn.Module:
    """MatMul, opset 1 to 13."""
    return MatMul()
