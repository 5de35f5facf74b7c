"""Do ONNX Runtime and PyTorch compute the same function on this very input?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onnxplain.adapters.base import Adapter, Array
from onnxplain.errors import ParityError

TOLERANCE = 1e-3


@dataclass(frozen=True)
class Parity:
    """How well the two engines agree.

    Attributes
    ----------
    tensor : str
        The tensor compared.
    error : float
        Largest absolute difference, divided by the spread (largest minus smallest value)
        of the tensor in ONNX Runtime: a constant offset of all logits is no agreement.
    tolerance : float
        Above this, gradients are refused.
    """

    tensor: str
    error: float
    tolerance: float = TOLERANCE

    @property
    def agrees(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance


def measure_parity(reference: Array, converted: Adapter, x: Array, tensor: str) -> Parity:
    """Compare the converted model with ONNX Runtime's values.

    Parameters
    ----------
    reference : array
        ONNX Runtime's values of `tensor` for `x`.
    converted : Adapter
        The PyTorch adapter.
    x : array
        The input that is to be explained.
    tensor : str
        Tensor to compare: the one in front of the final activation.
    """
    values = converted.activations(x, [tensor])[tensor]
    if values.shape != reference.shape:
        return Parity(tensor, float("inf"))
    wanted = reference.astype(np.float64)
    difference = float(np.max(np.abs(wanted - values), initial=0.0))
    spread = float(np.ptp(wanted)) if wanted.size > 1 else 0.0
    scale = spread or float(np.max(np.abs(wanted), initial=0.0)) or 1.0
    return Parity(tensor, difference / scale)


def require_parity(parity: Parity) -> None:
    """Refuse to go on when the engines disagree.

    Raises
    ------
    ParityError
        With the size of the disagreement and the ways on.
    """
    if not parity.agrees:
        raise ParityError(
            f"ONNX Runtime and PyTorch disagree at tensor {parity.tensor!r}: error "
            f"{parity.error:.2g} of its spread, tolerance {parity.tolerance:g}; use a forward-only "
            "method (occlusion, cam), or --allow-mismatch to explain the converted model anyway"
        )
