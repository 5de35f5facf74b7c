"""Relevance rules of nodes with weights, as ONNX nodes; see `onnxplain.relevance.rules`.

A rule gets the layer, its input, its output and the relevance of the output, and writes the
relevance of the input. All share the form R_i = sum_j (part of z_ij) / (sum_i of it) R_j.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from onnxplain.graph.rectifiers import never_negative
from onnxplain.relevance.manners import STABILIZER
from onnxplain.relevance.nodes.layer import Layer
from onnxplain.symbolic.back import Back

Rule = Callable[..., str]
"""``rule(layer, x, y, R, **parameters)``: the relevance of x."""
Modifier = Callable[[Layer, str], str]


class Part(NamedTuple):
    """Some of the contributions: a part of the input, the weight and the bias."""

    x: str
    w: str
    b: str | None
    negative: bool = False


def stabilized(at: Back | Layer, z: str, epsilon: float) -> str:
    """Write z + epsilon sign(z), with sign(0) = +1."""
    return at("Add", z, at("Where", at("Less", z, 0.0), -epsilon, epsilon))


def share(layer: Layer, parts: Sequence[Part], R: str) -> str:
    """Write the shares by the contributions of some parts."""
    total = ""
    for part in parts:
        y = layer.forward(part.x, part.w, part.b)
        total = layer("Sub" if part.negative else "Add", total, y) if total else y
    ratio = layer("Div", R, stabilized(layer, total, STABILIZER))
    result = ""
    for part in parts:
        term = layer("Mul", part.x, layer.back(part.w, ratio))
        result = layer("Sub" if part.negative else "Add", result, term) if result else term
    return result


def epsilon_rule(layer: Layer, x: str, y: str, R: str, *, epsilon: float = STABILIZER) -> str:
    """Shares of all contributions; the bias absorbs its own."""
    ratio = layer("Div", R, stabilized(layer, y, epsilon))
    return layer("Mul", x, layer.back(layer.weight, ratio))


def norm_rule(layer: Layer, x: str, y: str, R: str) -> str:
    """The epsilon rule with an epsilon that only stabilizes."""
    return epsilon_rule(layer, x, y, R)


def z_plus_rule(layer: Layer, x: str, y: str, R: str, *, zero_bias: bool = False) -> str:
    """Shares of what raises the output."""
    bias = None if zero_bias else layer.bias
    return share(layer, _contributions(layer, x, bias, _positive, _negative), R)


def alpha_beta_rule(
    layer: Layer,
    x: str,
    y: str,
    R: str,
    *,
    alpha: float = 2.0,
    beta: float = 1.0,
    zero_bias: bool = False,
) -> str:
    """What raises the output alpha times, less what lowers it beta times."""
    bias = None if zero_bias else layer.bias
    raising = share(layer, _contributions(layer, x, bias, _positive, _negative), R)
    raising = layer("Mul", raising, float(alpha))
    if not beta:
        return raising
    lowering = share(layer, _contributions(layer, x, bias, _negative, _positive), R)
    return layer("Sub", raising, layer("Mul", lowering, float(beta)))


def gamma_rule(layer: Layer, x: str, y: str, R: str, *, gamma: float = 0.25) -> str:
    """Contributions of the output's own sign count (1 + gamma) times."""

    def more_positive(layer: Layer, t: str) -> str:
        return layer("Add", t, layer("Mul", _positive(layer, t), float(gamma)))

    def more_negative(layer: Layer, t: str) -> str:
        return layer("Add", t, layer("Mul", _negative(layer, t), float(gamma)))

    bias = layer.bias
    above = layer("Where", layer("Greater", y, 0.0), R, 0.0)
    below = layer("Where", layer("Less", y, 0.0), R, 0.0)
    one = share(layer, _contributions(layer, x, bias, more_positive, more_negative), above)
    other = share(layer, _contributions(layer, x, bias, more_negative, more_positive), below)
    return layer("Add", one, other)


def w_square_rule(layer: Layer, x: str, y: str, R: str, *, support: str) -> str:
    """Shares of the squared weights."""
    weight = layer("Mul", layer.weight, layer.weight)
    bias = None if layer.bias is None else layer("Mul", layer.bias, layer.bias)
    return share(layer, [Part(support, weight, bias)], R)


def flat_rule(layer: Layer, x: str, y: str, R: str, *, support: str) -> str:
    """The same share for all inputs of a window."""
    shape = layer.at.facts.shapes[layer.chain.weight]
    one = layer.at.cast(layer.at.build.number(1.0))
    ones = layer.at("Expand", one, [layer.at.known(d) for d in shape])
    return share(layer, [Part(support, ones, None)], R)


def z_box_rule(layer: Layer, x: str, y: str, R: str, *, low: str, high: str) -> str:
    """Shares of how far the input is from its bounds."""
    positive = None if layer.bias is None else _positive(layer, layer.bias)
    negative = None if layer.bias is None else _negative(layer, layer.bias)
    parts = [
        Part(x, layer.weight, layer.bias),
        Part(low, _positive(layer, layer.weight), positive, negative=True),
        Part(high, _negative(layer, layer.weight), negative, negative=True),
    ]
    return share(layer, parts, R)


def pass_rule(layer: Layer, x: str, y: str, R: str) -> str:
    """R as it is."""
    return R


def _positive(layer: Layer, t: str) -> str:
    return layer("Relu", t)


def _negative(layer: Layer, t: str) -> str:
    return layer("Min", t, 0.0)


def _contributions(
    layer: Layer, x: str, b: str | None, for_positive: Modifier, for_negative: Modifier
) -> list[Part]:
    """Positive inputs with one form of the weights, negative ones with the mirrored form."""
    # After a ReLU there is nothing negative, and half of the work falls away.
    mixed = not never_negative(layer.at.graph, layer.chain.data)
    w, bias = layer.weight, None if b is None else for_positive(layer, b)
    parts = [Part(_positive(layer, x) if mixed else x, for_positive(layer, w), bias)]
    if mixed:
        parts.append(Part(_negative(layer, x), for_negative(layer, w), None))
    return parts


#: By the names of `onnxplain.relevance.rule_table.WITH_WEIGHTS`.
WEIGHTED: Mapping[str, Rule] = MappingProxyType(
    {
        "epsilon": epsilon_rule,
        "norm": norm_rule,
        "z-plus": z_plus_rule,
        "alpha-beta": alpha_beta_rule,
        "gamma": gamma_rule,
        "z-box": z_box_rule,
        "w-square": w_square_rule,
        "flat": flat_rule,
        "pass": pass_rule,
    }
)
