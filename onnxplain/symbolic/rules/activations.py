"""Activations, by pieces and smooth ones."""

from __future__ import annotations

import math

import numpy as np

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875
_TANH_GELU = 0.044715


@rule("Relu")
def relu(at: Back) -> list[str]:
    """Told by the output, so that what ONNX Runtime fuses in front of it stays fused."""
    return [at.where(at("Greater", at.y, 0.0))]


@rule("Clip")
def clip(at: Back) -> list[str]:
    """At the bounds themselves the derivative passes."""
    at.only(0)
    inside = None
    for k, operator in ((1, "GreaterOrEqual"), (2, "LessOrEqual")):
        if at.has(k):
            within = at(operator, at.x(), at.x(k))
            inside = within if inside is None else at("And", inside, within)
    return [at.slope if inside is None else at.where(inside)]


@rule("LeakyRelu")
def leaky_relu(at: Back) -> list[str]:
    """1 above zero, alpha below."""
    below = at("Mul", at.slope, at.get("alpha", 0.01))
    return [at("Where", at("Greater", at.x(), 0.0), at.slope, below)]


@rule("PRelu")
def prelu(at: Back) -> list[str]:
    """1 above zero, a learned number below."""
    at.only(0)
    return [at("Where", at("Greater", at.x(), 0.0), at.slope, at("Mul", at.slope, at.x(1)))]


@rule("ThresholdedRelu")
def thresholded_relu(at: Back) -> list[str]:
    """1 above alpha."""
    return [at.where(at("Greater", at.x(), at.get("alpha", 1.0)))]


@rule("Shrink")
def shrink(at: Back) -> list[str]:
    """0 between -lambd and lambd."""
    return [at.where(at("Greater", at("Abs", at.x()), at.get("lambd", 0.5)))]


@rule("HardSigmoid")
def hard_sigmoid(at: Back) -> list[str]:
    """Alpha between the bounds."""
    between = at("And", at("Greater", at.y, 0.0), at("Less", at.y, 1.0))
    return [at.where(between, at("Mul", at.slope, at.get("alpha", 0.2)))]


@rule("HardSwish")
def hard_swish(at: Back) -> list[str]:
    """X (x + 3) / 6 between -3 and 3, x above."""
    x = at.x()
    between = at("Add", at("Mul", x, 1.0 / 3.0), 0.5)
    rising = at("Where", at("Less", x, 3.0), between, 1.0)
    return [at("Mul", at.slope, at("Where", at("Greater", x, -3.0), rising, 0.0))]


@rule("Elu", "Celu", "Selu")
def exponential(at: Back) -> list[str]:
    """Linear above zero, an exponential below."""
    x, selu = at.x(), at.node.op_type == "Selu"
    alpha = at.get("alpha", _SELU_ALPHA if selu else 1.0)
    gamma = at.get("gamma", _SELU_GAMMA) if selu else 1.0
    if at.node.op_type == "Celu":
        below = at("Exp", at("Div", at("Min", x, 0.0), alpha))
    else:
        below = at("Mul", at("Exp", at("Min", x, 0.0)), alpha * gamma)
    slope = at("Where", at("Greater", x, 0.0), np.asarray(gamma, at.dtype), below)
    return [at("Mul", at.slope, slope)]


@rule("Softplus")
def softplus(at: Back) -> list[str]:
    """The derivative is the sigmoid."""
    return [at("Mul", at.slope, at("Sigmoid", at.x()))]


@rule("Swish")
def swish(at: Back) -> list[str]:
    """X sigmoid(alpha x)."""
    x, alpha = at.x(), at.get("alpha", 1.0)
    gate = at("Sigmoid", at("Mul", x, alpha))
    inner = at("Mul", at("Mul", x, alpha), at("Sub", 1.0, gate))
    return [at("Mul", at.slope, at("Mul", gate, at("Add", inner, 1.0)))]


@rule("Mish")
def mish(at: Back) -> list[str]:
    """X tanh(softplus(x))."""
    x = at.x()
    bent = at("Tanh", at("Softplus", x))
    inner = at("Mul", at("Mul", x, at("Sigmoid", x)), at("Sub", 1.0, at("Mul", bent, bent)))
    return [at("Mul", at.slope, at("Add", bent, inner))]


@rule("Gelu")
def gelu(at: Back) -> list[str]:
    """X times the normal distribution, exact or by a tanh."""
    x = at.x()
    square = at("Mul", x, x)
    if at.get("approximate", "none") == "none":
        share = at("Mul", at("Add", at("Erf", at("Mul", x, math.sqrt(0.5))), 1.0), 0.5)
        density = at("Mul", at("Exp", at("Mul", square, -0.5)), 1.0 / math.sqrt(2.0 * math.pi))
        return [at("Mul", at.slope, at("Add", share, at("Mul", x, density)))]
    root = math.sqrt(2.0 / math.pi)
    inner = at("Mul", at("Mul", x, root), at("Add", at("Mul", square, _TANH_GELU), 1.0))
    bent = at("Tanh", inner)
    rise = at("Add", at("Mul", square, 3.0 * _TANH_GELU * root), root)
    curve = at("Mul", at("Mul", x, rise), at("Sub", 1.0, at("Mul", bent, bent)))
    whole = at("Mul", at("Add", at("Add", bent, 1.0), curve), 0.5)
    return [at("Mul", at.slope, whole)]
