"""Unique: each value once, or each slice along an axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function
from onnxplain.graph.view import Node


def unique(node: Node) -> nn.Module:
    """Unique, opset 11 and 28; a gradient goes to the first place that holds the value."""
    axis: int | None = node.attributes.get("axis")
    is_sorted = bool(node.attributes.get("sorted", 1))

    def apply(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = x.reshape(-1) if axis is None else x
        dim = 0 if axis is None else axis % x.dim()
        _, inverse, counts = torch.unique(
            x.detach(), sorted=True, return_inverse=True, return_counts=True, dim=dim
        )
        places = torch.arange(x.shape[dim], device=x.device)
        first = places.new_full(counts.shape, x.shape[dim])
        first = first.scatter_reduce(0, inverse, places, "amin")
        if not is_sorted:
            order = first.argsort()
            first, counts, inverse = first[order], counts[order], order.argsort()[inverse]
        return x.index_select(dim, first), first, inverse, counts

    return Function(apply)
