"""Blur integrated gradients: the gradient along the way from a blurred picture to the sharp one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.path_integral import Path, integrated
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.diffusion import Diffusion
from onnxplain.targets.target import Target

_TOLERANCE = 0.01
# The authors blur pictures of 224 pixels by up to 50.
_WIDEST = 50 / 224


@method(
    name="blur-ig",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Integrated gradients along the path that blurs the picture: no fill is needed.",
    reference="Xu, Venugopalan, Sundararajan 2020, arXiv:2004.03383, equation 3",
    meaning="score units; positive values: what sharpens there raises the score",
    class_discriminative=True,
    promises="sums to S(x) - S(blurred x); the relative gap is reported",
    tolerance=_TOLERANCE,
    failures="even areas get no attribution, whatever their colour; edges get it, beside the "
    "evidence; the blurred picture keeps its colours, and with them evidence that is not shown",
)
def blur_ig(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    max_sigma: float | None = None,
    steps: int = 50,
    max_steps: int = 400,
    tolerance: float = _TOLERANCE,
) -> Attribution:
    """Integral over s from `max_sigma` to 0 of dS/dx at x_s times dx_s/ds, x_s the picture blurred.

    The blur is diffusion on the grid of pixels for a time of s^2 / 2, to which a Gaussian of
    standard deviation s comes close from a pixel on; no colour enters at the border. (The authors
    sample a Gaussian, and put zeros around the picture.)

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    max_sigma : float, optional
        Standard deviation at which the path begins, in pixels; 50 for a shorter side of 224 pixels,
        and in proportion, if not given.
    steps, max_steps : int
        Number of points on the path: at first, and at most.
    tolerance : float
        Largest gap, as a share of S(x) - S(blurred x); a larger one gets a warning.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measures ``completeness_gap``
        (relative, signed) and ``steps``.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    widest = _WIDEST * min(context.network.image.size) if max_sigma is None else max_sigma
    if not 0 < widest < np.inf:
        raise UsageError(f"blur-ig: max_sigma {widest} is out of range; allowed: above 0 pixels")
    blurs = [Diffusion(single, context.spatial_axes) for single in x]
    start = np.stack([blur.at(np.array([widest]))[0] for blur in blurs]).astype(x.dtype)
    paths = [_sharpening(blur, widest) for blur in blurs]
    found = integrated(
        context, (start, x), paths, target, steps=steps, max_steps=max_steps, tolerance=tolerance
    )
    return replace(found, parameters={"max_sigma": widest})


def _sharpening(blur: Diffusion, widest: float) -> Path:
    def path(alphas: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sigmas = (1 - alphas) * widest
        return blur.at(sigmas), -widest * blur.slope(sigmas)

    return path
