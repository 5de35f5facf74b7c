"""One small node, or several, for every operator in the coverage table.

Each form says between which versions of the operator it is written that way; an input that
is listed in `constants` becomes an initializer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NEWEST = 10**6


@dataclass(frozen=True, eq=False)
class Form:
    """A node with its inputs; `None` stands for an input that is left out."""

    op_type: str
    inputs: tuple[np.ndarray | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    since: int = 1
    until: int = NEWEST
    outputs: int = 1
    constants: tuple[int, ...] = ()
    atol: float = 1e-5


def noise(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.abs(noise(*shape, seed=seed)) + 0.1).astype(np.float32)


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    """Values between -1 and 1."""
    return np.tanh(noise(*shape, seed=seed)).astype(np.float32)


def integer(*values: int, dtype: type = np.int64) -> np.ndarray:
    return np.array(values, dtype)


def scalar(value: float, dtype: type = np.float32) -> np.ndarray:
    return np.array(value, dtype)


X = noise(2, 3, 4, 5)
Y = noise(2, 3, 4, 5, seed=1)
ROW = noise(5, seed=2)
IMAGE = noise(2, 3, 7, 6)
FLAGS = X > 0


def f(op_type: str, *inputs: np.ndarray | None, **settings: Any) -> Form:
    """Shorthand: settings of the form go to the form, all others are attributes."""
    own = {k: settings.pop(k) for k in list(settings) if k in Form.__dataclass_fields__}
    return Form(op_type, inputs, settings, **own)


ELEMENTWISE = [
    *(f(op, X) for op in ("Abs", "Atan", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Sign")),
    *(f(op, X) for op in ("Sin", "Tanh", "Sigmoid", "Relu", "Softsign", "HardSwish", "Identity")),
    *(f(op, X) for op in ("Asinh", "Cosh", "Sinh", "Softplus", "Mish", "Size", "Shape")),
    *(f(op, unit(2, 3)) for op in ("Acos", "Asin", "Atanh", "Tan")),
    *(f(op, positive(2, 3)) for op in ("Log", "Sqrt", "Reciprocal")),
    *(f(op, X, Y) for op in ("Add", "Sub", "Mul", "Div")),
    *(f(op, X, ROW) for op in ("Add", "Sub", "Mul", "Div", "Greater", "Less")),
    *(f(op, X, ROW) for op in ("GreaterOrEqual", "LessOrEqual")),
    *(f(op, X, Y, X + Y) for op in ("Max", "Mean", "Min", "Sum")),
    *(f(op, X, ROW, since=8) for op in ("Max", "Mean", "Min", "Sum")),
    *(f(op, FLAGS, Y > 0) for op in ("And", "Or", "Xor")),
    *(f(op, integer(6, 3), integer(3, 5)) for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")),
    f("BitwiseNot", integer(6, 3)),
    f("BitShift", integer(6, 3, dtype=np.uint8), integer(1, 2, dtype=np.uint8), direction="LEFT"),
    f("BitShift", integer(6, 3, dtype=np.uint8), integer(1, 1, dtype=np.uint8), direction="RIGHT"),
    f("Acosh", positive(2, 3) + 1),
    f("Celu", X, alpha=0.7),
    f("Det", noise(2, 3, 3)),
    f("Div", integer(7, -7), integer(2, 2)),
    f("Elu", X, alpha=0.7),
    f("Equal", integer(1, 2, 3), integer(1, 3, 3)),
    f("Gelu", X),
    f("Gelu", X, approximate="tanh"),
    f("HardSigmoid", X * 3, alpha=0.3, beta=0.4),
    f("IsInf", np.array([np.inf, -np.inf, 1], np.float32), detect_negative=0),
    f("IsInf", np.array([np.inf, -np.inf, 1], np.float32), detect_positive=0),
    f("IsNaN", np.array([np.nan, 1], np.float32)),
    f("LeakyRelu", X, alpha=0.3),
    f("Mod", integer(7, -7), integer(3, 3)),
    f("Mod", X, ROW, fmod=1),
    f("Not", FLAGS),
    f("Pow", positive(2, 3), scalar(1.5)),
    f("Pow", integer(2, 3, dtype=np.int32), np.array([2, 3], np.float32), since=12),
    f("PRelu", X, positive(3, 1, 1), constants=(1,)),
    f("PRelu", noise(1, 4, 3, 4), positive(4), constants=(1,)),
    f("Round", np.array([0.5, 1.5, -0.5, 2.4], np.float32)),
    f("Selu", X, alpha=1.5, gamma=0.9),
    f("Shrink", X, bias=0.2, lambd=0.4),
    f("Softplus", np.array([15, 25, 45, -50], np.float32)),
    f("SwiGLU", X, Y, alpha=0.8),
    f("Swish", X, alpha=0.8),
    f("Tan", unit(2, 3)),
    f("ThresholdedRelu", X, alpha=0.3),
    f("Where", FLAGS, X, Y),
    # Bounds: attributes, then optional inputs.
    f("Clip", X, min=-0.5, max=0.4, until=6),
    f("Clip", X, scalar(-0.5), scalar(0.4), since=11, constants=(1, 2)),
    f("Clip", X, None, scalar(0.4), since=11, constants=(2,)),
    f("Clip", X, since=11),
    f("Clip", integer(-1, 2, 5), scalar(0, np.int64), scalar(3, np.int64), since=12),
    *(f(op, X, axis=1) for op in ("Softmax", "LogSoftmax", "Hardmax")),
    *(f(op, X, axis=-2) for op in ("Softmax", "LogSoftmax", "Hardmax")),
    *(f(op, X) for op in ("Softmax", "LogSoftmax", "Hardmax")),
]

CASTS = [
    f("Cast", X * 3, to=7),
    f("Cast", X, to=10),
    f("Cast", X, to=11),
    f("Cast", X, to=9),
    f("Cast", integer(0, 2), to=1),
    f("CastLike", X, integer(1)),
]

_REDUCED = (
    "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
    "ReduceProd", "ReduceSum", "ReduceSumSquare",
)  # fmt: skip

REDUCTIONS = [
    *(f(op, X, axes=[1, -1], keepdims=0, until=12) for op in (*_REDUCED, "ReduceLogSum")[:-1]),
    *(f(op, X, axes=[-2], since=13, until=17) for op in _REDUCED if op != "ReduceSum"),
    *(f(op, X, keepdims=0) for op in _REDUCED),
    *(
        f(op, X, integer(1, -1), keepdims=0, since=18, constants=(1,))
        for op in _REDUCED
        if op != "ReduceSum"
    ),
    f("ReduceSum", X, integer(1, -1), keepdims=0, since=13, constants=(1,)),
    f("ReduceSum", X, integer(), since=13, constants=(1,)),
    f("ReduceSum", X, integer(), noop_with_empty_axes=1, since=13, constants=(1,)),
    # Nothing is summed then, but the function before and after the sum still applies.
    *(f(op, X, noop_with_empty_axes=1, since=18) for op in _REDUCED if op != "ReduceSum"),
    f("ReduceMean", integer(1, 2, 4)),
    f("ReduceMax", FLAGS, integer(1), since=20, constants=(1,)),
    f("ReduceLogSum", positive(2, 3), axes=[-1], until=13),
    f("ReduceLogSum", positive(2, 3), integer(-1), since=18, constants=(1,)),
    *(f(op, X) for op in ("ArgMax", "ArgMin")),
    *(f(op, X, axis=-1, keepdims=0, since=11) for op in ("ArgMax", "ArgMin")),
    *(
        f(op, np.zeros((2, 3), np.float32), axis=1, select_last_index=1, since=12)
        for op in ("ArgMax", "ArgMin")
    ),
]
