"""Quantised tensors: rounding passes derivatives unchanged, saturation stops them.

The derivative of a tensor of integers is that of the numbers they stand for, in steps.
"""

from __future__ import annotations

import numpy as np

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule


def _aligned(at: Back, k: int) -> str:
    """Shape a scale so that it broadcasts against the tensor."""
    if at.get("block_size", 0):
        raise at.refusal("it is quantised in blocks")
    if at.shape(k) in ((), (1,)):
        return at.x(k)
    axis = at.get("axis", 1) % at.rank()
    return at("Reshape", at.x(k), [-1 if a == axis else 1 for a in range(at.rank())])


def _offset(at: Back) -> str | None:
    """The zero point, as a number that broadcasts."""
    return at.cast(_aligned(at, 2)) if at.has(2) else None


@rule("QuantizeLinear")
def quantize(at: Back) -> list[str | None]:
    """Divided by the scale, within the range of the integers."""
    at.only(0)
    limits = np.iinfo(at.facts.types[at.node.output])
    scale, offset = _aligned(at, 1), _offset(at)
    steps = at("Div", at.x(), scale)
    if offset is not None:
        steps = at("Add", steps, offset)
    low = at("GreaterOrEqual", steps, float(limits.min))
    inside = at("And", low, at("LessOrEqual", steps, float(limits.max)))
    return [at.where(inside, at("Div", at.slope, scale))]


@rule("DequantizeLinear")
def dequantize(at: Back) -> list[str | None]:
    """Times the scale."""
    at.only(0)
    return [at("Mul", at.slope, _aligned(at, 1))]


@rule("DynamicQuantizeLinear")
def dynamic_quantize(at: Back) -> list[str]:
    """Divided by the scale; scale and zero point are constants.

    The zero point is rounded, so that an end of the range may saturate.
    """
    if any(s is not None for s in at.slopes[1:]):
        raise at.refusal("its scale depends on the picture")
    scale, offset = (at.name(name) for name in at.node.outputs[1:3])
    steps = at("Add", at("Div", at.x(), scale), at.cast(offset))
    inside = at("And", at("GreaterOrEqual", steps, 0.0), at("LessOrEqual", steps, 255.0))
    return [at.where(inside, at("Div", at.slope, scale))]
