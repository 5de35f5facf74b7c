"""Integrated gradients: the mean derivative on the way from "nothing" to the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.path_integral import Path, integrated
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.fills import fill
from onnxplain.targets.target import Target

_TOLERANCE = 0.01


@method(
    name="integrated-gradients",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Mean gradient along the straight path from a baseline to the input, times their "
    "difference.",
    reference="Sundararajan, Taly, Yan 2017, arXiv:1703.01365, equation 1",
    meaning="score units; positive values support the target, relative to the baseline",
    class_discriminative=True,
    promises="sums to S(x) - S(baseline); the relative gap is reported",
    tolerance=_TOLERANCE,
    failures="pixels that look like the baseline get no attribution; noisy pixel by pixel",
)
def integrated_gradients(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    baseline: str = "black",
    steps: int = 50,
    max_steps: int = 400,
    tolerance: float = _TOLERANCE,
) -> Attribution:
    """(x - x') times the integral over a in [0, 1] of dS/dx at x' + a (x - x').

    The integral is computed by Gauss-Legendre quadrature; while the completeness gap is
    above `tolerance`, the number of steps is doubled, up to `max_steps`.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    baseline : str
        Picture without evidence: black, white, mean, blur, noise, an image file, or a number
        in the model's units.
    steps, max_steps : int
        Number of points on the path: at first, and at most.
    tolerance : float
        Largest gap, as a share of S(x) - S(baseline); a larger one gets a warning.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measures ``completeness_gap``
        (relative, signed) and ``steps``.

    Raises
    ------
    UsageError
        If the numbers of steps make no sense.
    """
    start = fill(context, x, baseline)
    paths = [_straight(s.astype(np.float64), e) for s, e in zip(start, x, strict=True)]
    return integrated(
        context, (start, x), paths, target, steps=steps, max_steps=max_steps, tolerance=tolerance
    )


def _straight(start: NDArray[np.float64], end: NDArray[Any]) -> Path:
    way = end - start

    def path(alphas: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return start + alphas.reshape(-1, *[1] * way.ndim) * way, way[None]

    return path
