"""Smooth functions of one number."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onnxplain.symbolic.back import Back, slope_type
from onnxplain.symbolic.registry import rule

# Derivative of y = f(x), as a tensor.
_SLOPES: dict[str, Callable[[Back], str]] = {
    "Acos": lambda at: at("Neg", _root(at, at("Sub", 1.0, _square(at, at.x())))),
    "Acosh": lambda at: _root(at, at("Sub", _square(at, at.x()), 1.0)),
    "Asin": lambda at: _root(at, at("Sub", 1.0, _square(at, at.x()))),
    "Asinh": lambda at: _root(at, at("Add", _square(at, at.x()), 1.0)),
    "Atan": lambda at: at("Reciprocal", at("Add", _square(at, at.x()), 1.0)),
    "Atanh": lambda at: at("Reciprocal", at("Sub", 1.0, _square(at, at.x()))),
    "Cos": lambda at: at("Neg", at("Sin", at.x())),
    "Cosh": lambda at: at("Mul", at("Sub", at("Exp", at.x()), at("Exp", at("Neg", at.x()))), 0.5),
    "Erf": lambda at: at(
        "Mul", at("Exp", at("Neg", _square(at, at.x()))), 2.0 / math.sqrt(math.pi)
    ),
    "Exp": lambda at: at.y,
    "Log": lambda at: at("Reciprocal", at.x()),
    "Reciprocal": lambda at: at("Neg", _square(at, at.y)),
    "Sigmoid": lambda at: at("Mul", at.y, at("Sub", 1.0, at.y)),
    "Sin": lambda at: at("Cos", at.x()),
    "Sinh": lambda at: at("Mul", at("Add", at("Exp", at.x()), at("Exp", at("Neg", at.x()))), 0.5),
    "Softsign": lambda at: _square(at, at("Reciprocal", at("Add", at("Abs", at.x()), 1.0))),
    "Sqrt": lambda at: at("Div", 0.5, at.y),
    "Tan": lambda at: at("Add", _square(at, at.y), 1.0),
    "Tanh": lambda at: at("Sub", 1.0, _square(at, at.y)),
}


def _square(at: Back, x: str) -> str:
    return at("Mul", x, x)


def _root(at: Back, x: str) -> str:
    return at("Reciprocal", at("Sqrt", x))


@rule(*_SLOPES)
def smooth(at: Back) -> list[str]:
    """The derivative of the function times what arrives."""
    return [at("Mul", at.slope, _SLOPES[at.node.operator](at))]


@rule("Identity", "Dropout")
def passed(at: Back) -> list[str]:
    """Dropout does nothing when a network is used."""
    at.only(0)
    return [at.slope]


@rule("Neg")
def negative(at: Back) -> list[str]:
    """Y = -x."""
    return [at("Neg", at.slope)]


@rule("Abs")
def magnitude(at: Back) -> list[str]:
    """The sign of x, which is 0 at 0."""
    return [at("Mul", at.slope, at("Sign", at.x()))]


@rule("Cast")
def cast(at: Back) -> list[str | None]:
    """Between floating-point types; to integers nothing passes."""
    return [at.cast(at.slope, slope_type(at.facts.types[at.node.inputs[0]]))]


@rule("Pow")
def power(at: Back) -> list[str | None]:
    """X ** e with a constant e, of any shape."""
    at.only(0)
    exponent = np.asarray(at.value(1))
    x, e = at.x(), exponent.astype(at.dtype)
    if exponent.size == 1 and float(exponent.reshape(-1)[0]) == 2.0:
        inner = at("Mul", x, 2.0)
    else:
        inner = at("Mul", at("Pow", x, e - 1), e)
        # 0 ** -1 times an exponent of 0 is not a number.
        if (exponent == 0).any():
            inner = at("Where", np.asarray(exponent == 0), 0.0, inner)
    return [at.to_operand(at("Mul", at.slope, inner), 0)]


@rule("Ceil", "Floor", "Sign", "Round")
def steps(at: Back) -> list[None]:
    """Constant but for jumps."""
    return [None]
