"""Integrated gradients: the mean derivative on the way from "nothing" to the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.gradients import input_axes, input_gradient, input_scores
from onnxplain.methods.promises import gap_warnings
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
    if not 1 <= steps <= max_steps:
        raise UsageError(f"steps {steps} must be at least 1 and at most max_steps {max_steps}")
    start = fill(context, x, baseline)
    ends = input_scores(context, np.concatenate([x, start]), target)
    change = ends[: len(x)] - ends[len(x) :]
    values = np.empty(x.shape, np.float64)
    gap, used = np.empty(len(x)), np.empty(len(x), np.int64)
    for n in range(len(x)):  # each on its own, so that a batch changes no picture's result
        used[n] = steps
        way = x[n].astype(np.float64) - start[n]  # unsigned pixels would wrap around
        while True:
            values[n] = way * _mean_gradient(context, start[n], way, target, used[n])
            gap[n] = (change[n] - values[n].sum()) / (change[n] if change[n] else 1.0)
            if abs(gap[n]) <= tolerance or 2 * used[n] > max_steps:
                break
            used[n] *= 2
    measures = {"completeness_gap": gap, "steps": used}
    remedy = f"take more steps: max_steps={4 * max_steps}"
    warnings = gap_warnings(gap, tolerance, remedy)
    return Attribution(values, input_axes(context), measures=measures, warnings=warnings)


def _mean_gradient(
    context: Context, start: NDArray[Any], way: NDArray[Any], target: Target, steps: int
) -> NDArray[np.float64]:
    """Mean derivative on the path from `start` to `start` + `way`, without batch axis."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    name = context.network.image.name
    total = np.zeros(way.shape)
    for part in context.slices(steps):
        alpha = ((nodes[part] + 1) / 2).reshape(-1, *[1] * way.ndim)
        slopes = input_gradient(context, start + alpha * way, target).gradients[name]
        total += np.tensordot(weights[part] / 2, slopes, axes=1)
    return total
