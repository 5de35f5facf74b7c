"""Do ONNX Runtime and PyTorch compute the same function on this very input?

A difference means something only beside what the input does to the tensor: a network that
ignores its input agrees with any other one. And no engine can be nearer to ONNX Runtime
than ONNX Runtime is to itself (``docs/decisions/005-parity.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Adapter, Array
from onnxplain.errors import ParityError
from onnxplain.graph.image_input import ImageInput

TOLERANCE = 1e-3
# Noise above this share of what the input changes: nothing can be told from it.
LARGEST_NOISE = 0.1
# Two engines are each as far from the truth as ONNX Runtime's two ways are.
_SELF_FACTOR = 2.0
# What a tolerance rests on.
_FLOAT = "float arithmetic"
_STEP = "one step of quantisation"
_ITSELF = "twice what ONNX Runtime differs from itself without its optimisations"


@dataclass(frozen=True)
class Parity:
    """How well the two engines agree.

    Attributes
    ----------
    tensor : str
        The tensor compared.
    error : float
        Largest absolute difference between the engines, divided by the largest change of
        the tensor between the input explained and a plain one.
    tolerance : float
        Above this, gradients are refused.
    basis : str
        What the tolerance rests on.
    noise : float
        What rounding alone may do to the tensor, in the unit of `error`.
    """

    tensor: str
    error: float
    tolerance: float = TOLERANCE
    basis: str = _FLOAT
    noise: float = 0.0

    @property
    def proves(self) -> bool:
        """Whether the tensor depends on the input enough to tell engines apart."""
        return self.noise <= LARGEST_NOISE

    @property
    def agrees(self) -> bool:
        """Whether the engines agree, and that proves something."""
        return self.proves and self.error <= self.tolerance


def plain_input(x: Array, image: ImageInput) -> Array:
    """Each input with its mean colour everywhere, in the same shape and element type."""
    axes = (2, 3) if image.layout == "NCHW" else (1, 2)
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
    if x.dtype.kind in "iu":
        mean = np.round(mean)
    return np.broadcast_to(mean, x.shape).astype(x.dtype)


def measure_parity(
    reference: Adapter,
    as_written: Callable[[], Adapter],
    converted: Adapter,
    inputs: tuple[Array, Array],
    tensor: str,
    step: float = 0.0,
) -> Parity:
    """Compare the converted model with ONNX Runtime.

    Parameters
    ----------
    reference : Adapter
        ONNX Runtime as it is deployed.
    as_written : callable
        Opens ONNX Runtime without graph optimisations; called only if the engines differ
        by more than `TOLERANCE`.
    converted : Adapter
        The PyTorch adapter.
    inputs : (array, array)
        The input that is to be explained, and a plain one.
    tensor : str
        Tensor to compare: the one in front of the final activation.
    step : float
        Distance of neighbouring values of a quantised tensor; 0 for any other one.
    """
    x, plain = inputs
    wanted, start = (reference.activations(i, [tensor])[tensor] for i in (x, plain))
    got = converted.activations(x, [tensor])[tensor]
    if got.shape != wanted.shape:
        return Parity(tensor, float("inf"))
    if wanted.dtype.kind in "iub" and not step:  # labels are the same, or wrong
        return Parity(tensor, 0.0 if np.array_equal(wanted, got) else float("inf"))
    if wanted.shape == start.shape:
        change = largest(wanted, start)
    else:  # as many boxes as a picture has: how much they differ stands for the change
        change = float(np.ptp(wanted)) if wanted.size else 0.0
    difference = largest(wanted, got)
    rounding = resolution(wanted) * float(np.max(np.abs(wanted), initial=0.0))
    noise = {_FLOAT: rounding, _STEP: step + rounding if step else 0.0}
    if not difference <= TOLERANCE * change:
        noise[_ITSELF] = largest(wanted, as_written().activations(x, [tensor])[tensor])
    if change == 0.0:
        return Parity(tensor, float("inf"), noise=float("inf"))
    allowed = {k: v * (_SELF_FACTOR if k == _ITSELF else 1.0) for k, v in noise.items()}
    basis = max(allowed, key=lambda name: allowed[name])
    tolerance = max(allowed[basis] / change, TOLERANCE)
    return Parity(
        tensor,
        error=difference / change,
        tolerance=tolerance,
        basis=basis if tolerance > TOLERANCE else _FLOAT,
        noise=max(noise.values()) / change,
    )


def require_parity(parity: Parity) -> None:
    """Refuse to go on when the engines disagree, or when their agreement proves nothing.

    Raises
    ------
    ParityError
        With the size of the disagreement and the ways on.
    """
    if parity.agrees:
        return
    if not parity.proves:
        what = (
            f"the agreement of ONNX Runtime and PyTorch at tensor {parity.tensor!r} cannot be "
            "checked: the tensor hardly changes between this picture and its mean colour "
            f"(rounding is {parity.noise:.2g} of the change, at most {LARGEST_NOISE:g} is "
            "allowed); is the model trained?"
        )
    else:
        what = (
            f"ONNX Runtime and PyTorch disagree at tensor {parity.tensor!r}: error "
            f"{parity.error:.2g} of what the picture changes there, tolerance "
            f"{parity.tolerance:.2g}; `inspect --parity` shows where"
        )
    raise ParityError(
        f"{what}; use a forward-only method (occlusion, cam), or --allow-mismatch to explain "
        "the converted model anyway"
    )


def largest(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """Largest absolute difference of two arrays of one shape, computed in float64."""
    return float(np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)), initial=0.0))


def resolution(values: NDArray[Any]) -> float:
    """Relative rounding of an array's element type; that of float32 where it has none."""
    # The element types of ml_dtypes, bfloat16 for one, are unknown to numpy's finfo.
    floating = values.dtype.kind == "f"
    return float(np.finfo(values.dtype).eps) if floating else float(np.finfo(np.float32).eps)
