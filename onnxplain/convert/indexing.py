"""Reading and writing at indices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node

_REDUCTION = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def _non_negative(indices: Tensor, length: int) -> Tensor:
    indices = indices.long()
    return torch.where(indices < 0, indices + length, indices)


def gather(node: Node) -> nn.Module:
    """Gather whole slices along one axis, like ``numpy.take``."""
    axis = node.attributes.get("axis", 0)

    def apply(x: Tensor, indices: Tensor) -> Tensor:
        at = axis % x.dim()
        flat = _non_negative(indices, x.shape[at]).reshape(-1)
        shape = (*x.shape[:at], *indices.shape, *x.shape[at + 1 :])
        return x.index_select(at, flat).reshape(shape)

    return Function(apply)


def gather_elements(node: Node) -> nn.Module:
    """GatherElements: one element for each index."""
    axis = node.attributes.get("axis", 0)
    return Function(lambda x, indices: x.gather(axis, _non_negative(indices, x.shape[axis])))


def _linear(indices: Tensor, lengths: list[int]) -> Tensor:
    """Positions in the flattened leading axes, from ``(..., len(lengths))`` indices."""
    flat = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=indices.device)
    for column, length in enumerate(lengths):
        flat = flat * length + _non_negative(indices[..., column], length)
    return flat


def gather_nd(node: Node) -> nn.Module:
    """GatherND: the last axis of the indices addresses leading axes of the data."""
    batch = node.attributes.get("batch_dims", 0)

    def apply(x: Tensor, indices: Tensor) -> Tensor:
        depth = indices.shape[-1]
        lengths = list(x.shape[batch : batch + depth])
        rest = x.shape[batch + depth :]
        rows = math.prod(x.shape[:batch])
        flat = _linear(indices, lengths).reshape(rows, -1)
        per_row = math.prod(lengths)
        flat = flat + torch.arange(rows, device=x.device).unsqueeze(-1) * per_row
        values = x.reshape(rows * per_row, -1).index_select(0, flat.reshape(-1))
        return values.reshape(*indices.shape[:-1], *rest)

    return Function(apply)


def scatter_nd(node: Node) -> nn.Module:
    """ScatterND: write slices at indices, or combine them with what is there."""
    reduction = node.attributes.get("reduction", "none")

    def apply(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        lengths = list(x.shape[: indices.shape[-1]])
        flat = _linear(indices, lengths).reshape(-1)
        table = x.reshape(math.prod(lengths), -1)
        rows = updates.reshape(flat.numel(), -1)
        return _scatter(table, 0, flat.unsqueeze(-1).expand_as(rows), rows, reduction).reshape(
            x.shape
        )

    return Function(apply)


def scatter_elements(node: Node) -> nn.Module:
    """ScatterElements and Scatter: write one element for each index."""
    axis, reduction = node.attributes.get("axis", 0), node.attributes.get("reduction", "none")

    def apply(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        return _scatter(x, axis, _non_negative(indices, x.shape[axis]), updates, reduction)

    return Function(apply)


def _scatter(x: Tensor, axis: int, indices: Tensor, updates: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return x.scatter(axis, indices, updates)
    return x.scatter_reduce(axis, indices, updates, _REDUCTION[reduction])


def _slice_axis(x: Tensor, axis: int, start: int, end: int | None, step: int) -> Tensor:
    positions = range(*slice(start, end, step).indices(x.shape[axis]))
    if step == 1:
        return x.narrow(axis, positions.start, len(positions))
    return x.index_select(axis, torch.tensor(list(positions), dtype=torch.int64, device=x.device))


def slice_(node: Node) -> nn.Module:
    """Slice: bounds and axes are attributes before opset 10, then inputs."""
    fixed: list[Any] = [node.attributes.get(k) for k in ("starts", "ends", "axes")]

    def apply(x: Tensor, *inputs: Tensor | None) -> Tensor:
        given = [None if t is None else integers(t) for t in inputs]
        starts, ends, axes, steps = [*(given or fixed), None, None][:4]
        axes = range(len(starts)) if axes is None else axes
        steps = [1] * len(starts) if steps is None else steps
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            # Going backwards, a Python slice reaches the first element only with None.
            stop = None if step < 0 and end < -x.shape[axis] else end
            x = _slice_axis(x, axis % x.dim(), start, stop, step)
        return x

    return Function(apply)


def top_k(node: Node) -> nn.Module:
    """TopK: sorted values and their positions; of equal values the first one leads."""
    axis = node.attributes.get("axis", -1)
    fixed: Any = node.attributes.get("k")
    largest = bool(node.attributes.get("largest", 1))

    def apply(x: Tensor, k: Tensor | None = None) -> tuple[Tensor, Tensor]:
        count = fixed if k is None else integers(k)[0]
        values, positions = torch.sort(x, dim=axis, descending=largest, stable=True)
        return values.narrow(axis, 0, count), positions.narrow(axis, 0, count)

    return Function(apply)


def cumulate(node: Node) -> nn.Module:
    """CumSum and CumProd along one axis; optionally exclusive, or from the end."""
    exclusive = bool(node.attributes.get("exclusive", 0))
    reverse = bool(node.attributes.get("reverse", 0))
    product = node.op_type == "CumProd"
    function: Callable[..., Tensor] = torch.cumprod if product else torch.cumsum

    def apply(x: Tensor, axis: Tensor) -> Tensor:
        at = integers(axis)[0]
        x = x.flip(at) if reverse else x
        if exclusive:
            first = torch.full_like(x.narrow(at, 0, 1), 1 if product else 0)
            x = torch.cat([first, x.narrow(at, 0, x.shape[at] - 1)], at)
        y = function(x, at, dtype=x.dtype)
        return y.flip(at) if reverse else y

    return Function(apply)


def compress(node: Node) -> nn.Module:
    """Compress: keep the slices (or, without an axis, the elements) that are marked."""
    axis = node.attributes.get("axis")

    def apply(x: Tensor, condition: Tensor) -> Tensor:
        x, at = (x.reshape(-1), 0) if axis is None else (x, axis)
        return x.index_select(at, condition.nonzero().reshape(-1))

    return Function(apply)


def non_zero(node: Node) -> nn.Module:
    """NonZero: one column for each element that is not zero."""
    return Function(lambda x: torch.nonzero(x).T)


def reverse_sequence(node: Node) -> nn.Module:
    """ReverseSequence: the first so many steps of each sequence are turned round."""
    batch, time = node.attributes.get("batch_axis", 1), node.attributes.get("time_axis", 0)

    def apply(x: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(x.shape[time], device=x.device)
        lengths = lengths.long().unsqueeze(-1)
        order = torch.where(steps < lengths, lengths - 1 - steps, steps)
        order = order if batch < time else order.T
        shape = [x.shape[i] if i in (batch, time) else 1 for i in range(x.dim())]
        return x.gather(time, order.reshape(shape).expand_as(x))

    return Function(apply)
