"""Arithmetic of ONNX Runtime's 8-bit kernels, up to the final rounding.

They sum exactly and round once or twice in float32, in an order of their own; any other one
flips a few roundings in every million, which later layers amplify. The order is that of its
x86-64 kernels (``onnxruntime/core/mlas/lib``: ``qladd.cpp``, ``qlmul.cpp``,
``qlgavgpool.cpp``; ``contrib_ops/cpu/quantization/qlinear_softmax.cc``). Others, those of ARM
for one, differ by one step at such ties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

# Sums of products of 8-bit integers are whole numbers; float32 holds them up to 2**24 only.
EXACT = torch.float64
_LARGEST_WHOLE = 2**24
# Dequantised and divided by the scale again, a number is whole up to rounding.
_WHOLE = 1e-3


class Quantised(NamedTuple):
    """Integers as floating-point numbers, with their scale and zero point."""

    q: Tensor
    scale: Tensor
    zero: Tensor


def round_straight_through(x: Tensor) -> Tensor:
    """Round half to even; the gradient is that of the identity."""
    # Exact: the difference of a number and its rounding is a floating-point number.
    return x + (torch.round(x) - x).detach()


def whole(steps: Tensor) -> Tensor:
    """Remove the rounding from numbers that are whole but for it, with gradient 1."""
    gap = (torch.round(steps) - steps).detach()
    return steps + gap * (gap.abs() < _WHOLE)


def summing_type(weight: Tensor, sums_over: Sequence[int], largest: float) -> torch.dtype:
    """Type in which no sum of products is rounded, in whatever order.

    Parameters
    ----------
    weight : Tensor
        Whole numbers.
    sums_over : sequence of int
        Axes of `weight` that one sum runs over.
    largest : float
        What they are multiplied by, at most.
    """
    if weight.device.type != "cpu":  # others multiply float32 in fewer bits
        return EXACT
    bound = largest * weight.detach().abs().sum(list(sums_over)).max()
    return torch.float32 if float(bound) < _LARGEST_WHOLE else EXACT


def added(a: Quantised, b: Quantised, y_scale: Tensor, y_zero: Tensor) -> Tensor:
    """``a + b`` in steps of the result, zero point included.

    Two fused multiply-adds upon what does not depend on the elements; float64 holds the
    exact sum in front of each of their roundings.
    """
    first, second = (a, b) if _is_repeated(a.q, b.q) else (b, a)
    ratios = [t.scale.float() / y_scale.float() for t in (a, b)]
    zeros = (ratios[1] * b.zero.float()).double() + ratios[0].double() * a.zero.double()
    fixed = (y_zero.float() - zeros.float()).double()
    ratio = {id(t): r.double() for t, r in zip((a, b), ratios, strict=True)}
    inner = (first.q.double() * ratio[id(first)] + fixed).float()
    return (second.q.double() * ratio[id(second)] + inner.double()).float()


def _is_repeated(a: Tensor, b: Tensor) -> bool:
    """Whether each innermost row of `b` meets one number of `a`."""
    inner = [t.shape[-1] if t.dim() else 1 for t in (a, b)]
    return inner[0] == 1 and inner[1] > 1


def multiplied(a: Quantised, b: Quantised, y_scale: Tensor, y_zero: Tensor) -> Tensor:
    """``a * b`` in steps of the result, zero point included."""
    product = (a.q - a.zero).float() * (b.q - b.zero).float()
    return product * (a.scale.float() * b.scale.float() / y_scale.float()) + y_zero.float()


def averaged(x: Quantised, y_scale: Tensor, y_zero: Tensor) -> Tensor:
    """Mean over all axes after the second, in steps of the result, zero point included."""
    axes = tuple(range(2, x.q.dim()))
    sums = (x.q - x.zero).to(EXACT).sum(axes, keepdim=True).float()
    count = math.prod(x.q.shape[2:])
    steps = sums * (x.scale.float() / (y_scale.float() * count))
    # The zero point is added to a rounded number: an odd one would turn half to even around.
    return round_straight_through(steps) + y_zero.float()


def softmax(x: Quantised, axis: int, y_scale: Tensor, y_zero: Tensor) -> Tensor:
    """Softmax in steps of the result, zero point included.

    The kernel looks exponentials up in a table of float32 and multiplies by the whole part of
    ``1 / y_scale``.
    """
    length = x.q.shape[axis]
    headroom = max(0.0, math.log(torch.finfo(torch.float32).max / length) - 5)
    below = (x.q - x.q.amax(axis, keepdim=True)).double() * x.scale.double()
    table = torch.exp(below + headroom).float()
    total = table.double().sum(axis, keepdim=True).float()
    steps = table * torch.floor(1 / y_scale.float()) / total
    return round_straight_through(steps) + y_zero.float()
