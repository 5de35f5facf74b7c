"""Normalisations: by learned numbers, or by mean and deviation of what they read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule

_EPSILON = 1e-5


@rule("BatchNormalization")
def batch_normalisation(at: Back) -> list[str]:
    """A factor for each channel."""
    at.only(0)
    if at.get("training_mode", 0):
        raise at.refusal("it is in training mode")
    deviation = at("Sqrt", at("Add", at.x(4), at.get("epsilon", _EPSILON)))
    factor = at("Div", at.x(1), deviation)
    if at.rank() > 2:
        factor = at("Reshape", factor, [-1] + [1] * (at.rank() - 2))
    return [at("Mul", at.slope, factor)]


def _whiten(
    at: Back, x: str, slope: str, axes: Sequence[int], epsilon: float, *, centred: bool = True
) -> str:
    """Way back through (x - mean) / sqrt(variance + epsilon) over some axes."""
    middle = at("Sub", x, at.mean(x, axes)) if centred else x
    variance = at.mean(at("Mul", middle, middle), axes)
    inverse = at("Reciprocal", at("Sqrt", at("Add", variance, epsilon)))
    unit = at("Mul", middle, inverse)
    along = at("Mul", unit, at.mean(at("Mul", slope, unit), axes))
    if centred:
        slope = at("Sub", slope, at.mean(slope, axes))
    return at("Mul", inverse, at("Sub", slope, along))


@rule("LayerNormalization", "RMSNormalization")
def layer_normalisation(at: Back) -> list[str]:
    """Over the last axes; RMSNormalization leaves the mean where it is."""
    at.only(0)
    if any(s is not None for s in at.slopes[1:]):
        raise at.refusal("its mean or deviation is read")
    axes = range(at.get("axis", -1) % at.rank(), at.rank())
    slope = at("Mul", at.slope, at.x(1))
    centred = at.node.op_type == "LayerNormalization"
    return [_whiten(at, at.x(), slope, axes, at.get("epsilon", _EPSILON), centred=centred)]


@rule("InstanceNormalization")
def instance_normalisation(at: Back) -> list[str]:
    """Over the places of each channel."""
    at.only(0)
    scale = at("Reshape", at.x(1), [-1] + [1] * (at.rank() - 2))
    axes = range(2, at.rank())
    slope = at("Mul", at.slope, scale)
    return [_whiten(at, at.x(), slope, axes, at.get("epsilon", _EPSILON))]


@rule("GroupNormalization")
def group_normalisation(at: Back) -> list[str]:
    """Over the places of a group of channels; the scale is each channel's, or each group's."""
    at.only(0)
    channels, *places = at.sizes(start=1)
    groups = at.node.attributes["num_groups"]
    ones = [1] * len(places)
    whole = [-1, groups, channels // groups, *places]
    scales = at.known(at.shape(1)[0])
    scale = at("Reshape", at.x(1), [groups, scales // groups, *ones])
    slope = at("Mul", at("Reshape", at.slope, whole), scale)
    axes = range(2, len(whole))
    x = at("Reshape", at.x(), whole)
    return [at.like(_whiten(at, x, slope, axes, at.get("epsilon", _EPSILON)))]


@rule("MeanVarianceNormalization")
def mean_variance_normalisation(at: Back) -> list[str]:
    """Over the axes named, with the standard's epsilon beside the deviation."""
    axes = [a % at.rank() for a in at.get("axes") or [0, 2, 3]]
    x, slope = at.x(), at.slope
    middle = at("Sub", x, at.mean(x, axes))
    deviation = at("Sqrt", at.mean(at("Mul", middle, middle), axes))
    whole = at("Add", deviation, 1e-9)
    centred = at("Sub", slope, at.mean(slope, axes))
    along = at.mean(at("Mul", slope, middle), axes)
    part = at("Div", at("Mul", middle, along), at("Mul", deviation, whole))
    return [at("Div", at("Sub", centred, part), whole)]


@rule("LpNormalization")
def lp_normalisation(at: Back) -> list[str]:
    """Divided by the norm along an axis; where that is zero, nothing passes."""
    axis = at.get("axis", -1) % at.rank()
    x, p = at.x(), at.get("p", 2)
    total = at.sum(at("Mul", x, x) if p == 2 else at("Abs", x), [axis])
    norm = at("Sqrt", total) if p == 2 else total
    safe = at("Where", at("Equal", norm, 0.0), 1.0, norm)
    inward = at("Div", x, safe) if p == 2 else at("Sign", x)
    along = at.sum(at("Mul", at.slope, at("Div", x, safe)), [axis])
    return [at("Div", at("Sub", at.slope, at("Mul", inward, along)), safe)]


@rule("LRN")
def local_response(at: Back) -> list[str]:
    """Divided by a power of what neighbouring channels hold."""
    size = at.node.attributes["size"]
    alpha, beta = at.get("alpha", 1e-4), at.get("beta", 0.75)
    channels = at.known(at.shape()[1])
    ahead = math.ceil((size - 1) / 2)
    offset = np.arange(channels)[None, :] - np.arange(channels)[:, None]
    # Row: the channel that is divided. Column: one that it looks at.
    looks = ((offset >= -((size - 1) // 2)) & (offset <= ahead)).astype(np.float64)
    x = at.x()
    near = at.along(at("Mul", x, x), 1, at.rank(), looks.T)
    base = at("Add", at("Mul", near, alpha / size), at.get("bias", 1.0))
    own = at("Mul", at.slope, at("Pow", base, -beta))
    share = at("Div", at("Mul", own, x), base)
    others = at.along(share, 1, at.rank(), looks)
    return [at("Sub", own, at("Mul", at("Mul", x, others), 2.0 * alpha * beta / size))]
