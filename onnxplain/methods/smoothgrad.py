"""SmoothGrad and its relatives: another method, averaged over noisy copies of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.promises import passed_on
from onnxplain.methods.registry import Method, find, method
from onnxplain.network.context import Context, silent
from onnxplain.perturb.anytime import Limits, Sampling
from onnxplain.perturb.moments import Moment, Moments
from onnxplain.perturb.outcome import Run, sampled
from onnxplain.targets.target import Target

_NAMES = ("smoothgrad", "smoothgrad-squared", "vargrad")
_FAILURES = (
    "inherits the blind spots of the averaged method; more noise hides small details; squares and "
    "variances lose the sign"
)
# Noisy copies between two looks at the map: each costs a gradient.
LOOK = 16


def _needs_for(parameters: Mapping[str, Any]) -> Capability:
    return _averaged(parameters["of"]).needs


@method(
    name="smoothgrad",
    family="gradient",
    needs=Capability.GRADIENTS,
    needs_for=_needs_for,
    explains="logit",
    display="signed",
    shows="positive (red) and negative (blue) values of the averaged method",
    ends=("negative", "positive"),
    summary="Mean of another method's maps over noisy copies of the picture.",
    reference="Smilkov, Thorat, Kim, Viégas, Wattenberg 2017, arXiv:1706.03825",
    meaning="the unit and sign of the averaged method",
    class_discriminative=True,
    promises="on a linear model it equals the averaged method, whatever the noise",
    failures=_FAILURES,
)
def smoothgrad(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Mean over k of the method at x + N(0, s^2).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    of : str
        The method to average: any method of the gradient and relevance families.
    samples : int
        Maximum number of noisy copies.
    noise_level : float
        Standard deviation s of the noise, as a share of the picture's range of values.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        Shape, unit and sign of the averaged method. Map ``standard_error``, (N, H, W), of its
        sum over channels. Measures: ``samples`` drawn, ``relative_error``.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    limits = Limits(samples, max_seconds, tolerance, every=LOOK)
    return _averages("mean", context, x, target, of, limits, noise_level)


@method(
    name="smoothgrad-squared",
    family="gradient",
    needs=Capability.GRADIENTS,
    needs_for=_needs_for,
    explains="logit",
    display="magnitude",
    summary="Mean of the squares of another method's maps over noisy copies of the picture.",
    reference="Hooker, Erhan, Kindermans, Kim 2018, arXiv:1806.10758",
    meaning="the squared unit of the averaged method; never negative",
    class_discriminative=False,
    promises="",
    failures=_FAILURES,
)
def smoothgrad_squared(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Mean over k of the squared values of the method at x + N(0, s^2).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    of, samples, noise_level, max_seconds, tolerance
        See `smoothgrad`.

    Returns
    -------
    Attribution
        Shape of the averaged method, in its unit squared; map and measures as of `smoothgrad`.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    limits = Limits(samples, max_seconds, tolerance, every=LOOK)
    return _averages("square", context, x, target, of, limits, noise_level)


@method(
    name="vargrad",
    family="gradient",
    needs=Capability.GRADIENTS,
    needs_for=_needs_for,
    explains="logit",
    display="magnitude",
    shows="how much the averaged method varies under noise, not its direction",
    ends=("steady", "varies"),
    summary="Variance of another method's maps over noisy copies of the picture.",
    reference="Adebayo, Gilmer, Goodfellow, Kim 2018, arXiv:1810.03307",
    meaning="the squared unit of the averaged method; never negative",
    class_discriminative=False,
    promises="on a linear model it is zero",
    failures=_FAILURES,
)
def vargrad(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Variance over k of the values of the method at x + N(0, s^2).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    of, samples, noise_level, max_seconds, tolerance
        See `smoothgrad`.

    Returns
    -------
    Attribution
        Shape of the averaged method, in its unit squared; map and measures as of `smoothgrad`.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    limits = Limits(samples, max_seconds, tolerance, every=LOOK)
    return _averages("variance", context, x, target, of, limits, noise_level)


def _averages(
    moment: Moment,
    context: Context,
    x: NDArray[Any],
    target: Target,
    of: str,
    limits: Limits,
    noise_level: float,
) -> Attribution:
    averaged = _averaged(of)
    if not noise_level >= 0:
        raise UsageError(f"noise_level must be 0 or more, not {noise_level}")
    quiet = replace(context, progress=silent)
    runs: list[Run] = []
    axes: tuple[str, ...] = ()
    warned: list[str] = []
    for single in x.astype(np.float64):
        random = context.generator()  # the same noise for each, so that a batch changes nothing
        deviation = noise_level * np.ptp(single)
        moments, sampling = Moments(moment), Sampling(context, limits)
        for part in sampling.batches(moments.relative_error):
            noise = context.draw(random.standard_normal, part.stop - part.start)
            found = averaged.function(quiet, single + noise * deviation, target)
            axes = found.axes
            warned.extend(found.warnings)
            moments.add(found.values, axes)
        runs.append((sampling, moments.value(), moments.error(), {}))
    return sampled(runs, axes=axes, warnings=passed_on(averaged.name, warned))


def _averaged(name: str) -> Method:
    chosen = find(name)
    if chosen.name in _NAMES or chosen.family not in ("gradient", "relevance"):
        raise UsageError(
            f"{name!r} cannot be averaged over noise; allowed: methods of the gradient and "
            "relevance families (gradient, gradient-x-input, integrated-gradients, lrp, ...)"
        )
    return chosen
