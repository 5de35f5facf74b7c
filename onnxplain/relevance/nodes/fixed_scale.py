"""Normalisation layers whose deviation is a constant; see `onnxplain.relevance.fixed_scale`."""

from __future__ import annotations

from onnxplain.symbolic.back import Back

_EPSILON = 1e-5
_WITHOUT_MEAN = ("RMSNormalization", "SimplifiedLayerNormalization")


def fixed_scale(at: Back, slope: str) -> str:
    """Write the transposed Jacobian of the linear part of a normalisation.

    Parameters
    ----------
    at : Back
        One of the operators in `onnxplain.relevance.kinds.NORMALISING`.
    slope : str
        What arrives at its output.
    """
    kind = at.node.op_type
    at.only(0)
    x, epsilon = at.x(), at.get("epsilon", _EPSILON)
    if kind in ("InstanceNormalization", "GroupNormalization"):
        channels, *places = at.sizes(start=1)
        groups = at.node.attributes["num_groups"] if kind == "GroupNormalization" else channels
        whole = [-1, groups, channels // groups, *places]
        scales = at.known(at.shape(1)[0])
        inner = [groups, scales // groups, *[1] * len(places)]
        x, slope = at("Reshape", x, whole), at("Reshape", slope, whole)
        slope = at("Mul", slope, at("Reshape", at.x(1), inner))
        axes = list(range(2, len(whole)))
    elif kind == "MeanVarianceNormalization":
        axes = [a % at.rank() for a in at.get("axes") or [0, 2, 3]]
    else:
        axes = list(range(at.get("axis", -1) % at.rank(), at.rank()))
        slope = at("Mul", slope, at.x(1)) if at.has(1) else slope
    centred = kind not in _WITHOUT_MEAN
    middle = at("Sub", x, at.mean(x, axes)) if centred else x
    power = at.mean(at("Mul", middle, middle), axes)
    if kind == "MeanVarianceNormalization":
        deviation = at("Add", at("Sqrt", power), 1e-9)
    else:
        deviation = at("Sqrt", at("Add", power, epsilon))
    slope = at("Div", slope, deviation)
    slope = at("Sub", slope, at.mean(slope, axes)) if centred else slope
    return at.like(slope) if kind in ("InstanceNormalization", "GroupNormalization") else slope
