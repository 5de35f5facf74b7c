"""Reductions: axes are an attribute in old opsets and an input in new ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node

Axes = tuple[int, ...]


def _mean(x: Tensor, axes: Axes, keep: bool) -> Tensor:
    if x.is_floating_point():
        return x.mean(axes, keepdim=keep)
    return x.double().mean(axes, keepdim=keep).to(x.dtype)


def _product(x: Tensor, axes: Axes, keep: bool) -> Tensor:
    for axis in sorted((a % x.dim() for a in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _extremum(function: Callable[..., Tensor]) -> Callable[[Tensor, Axes, bool], Tensor]:
    def reduce_extremum(x: Tensor, axes: Axes, keep: bool) -> Tensor:
        if any(x.shape[axis] == 0 for axis in axes):
            return _of_nothing(x, axes, keep, smallest=function is torch.amax)
        if x.dtype == torch.bool:
            return function(x.to(torch.uint8), axes, keep).bool()
        return function(x, axes, keep)

    return reduce_extremum


def _of_nothing(x: Tensor, axes: Axes, keep: bool, *, smallest: bool) -> Tensor:
    """Extremum of an empty set: what changes no other extremum."""
    if x.dtype == torch.bool:
        value: float = not smallest
    elif x.is_floating_point():
        value = -math.inf if smallest else math.inf
    else:
        limits = torch.iinfo(x.dtype)
        value = limits.min if smallest else limits.max
    shape = x.any(axes, keep).shape
    return x.new_full(shape, value)


_REDUCTIONS: dict[str, Callable[[Tensor, Axes, bool], Tensor]] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep, dtype=x.dtype),
    # Unlike the root of a sum, a norm has the sub-gradient 0 at zero.
    "ReduceL2": lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keep),
    "ReduceMax": _extremum(torch.amax),
    "ReduceMean": _mean,
    "ReduceMin": _extremum(torch.amin),
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keep, dtype=x.dtype),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep, dtype=x.dtype),
}


def reduce(node: Node) -> nn.Module:
    """Reduce*, all opsets: no axes means all, unless ``noop_with_empty_axes`` is set."""
    function = _REDUCTIONS[node.op_type]
    fixed = node.attributes.get("axes")
    keep = bool(node.attributes.get("keepdims", 1))
    noop = bool(node.attributes.get("noop_with_empty_axes", 0))

    def apply(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = fixed if axes is None else integers(axes)
        if not chosen:
            if noop:
                # The element-wise part of the reduction still applies.
                return function(x.unsqueeze(-1), (-1,), False)
            chosen = range(x.dim())
        if x.dim() == 0:
            return function(x.reshape(1), (0,), False)
        return function(x, tuple(chosen), keep)

    return Function(apply)


def arg_extremum(node: Node) -> nn.Module:
    """ArgMax and ArgMin; the first of equal values, or the last if asked for."""
    function = torch.argmax if node.op_type == "ArgMax" else torch.argmin
    axis = node.attributes.get("axis", 0)
    keep = bool(node.attributes.get("keepdims", 1))
    last = bool(node.attributes.get("select_last_index", 0))

    def position(x: Tensor) -> Tensor:
        if last:
            return x.shape[axis] - 1 - function(x.flip(axis), axis, keep)
        return function(x, axis, keep)

    return Function(position)
