"""SmoothGrad and its relatives: another method, averaged over noisy copies of the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanation import Attribution
from onnxplain.methods.registry import Method, find, method
from onnxplain.subject import Subject
from onnxplain.target import Target

_NAMES = ("smoothgrad", "smoothgrad-squared", "vargrad")
_NEEDS = Capability.GRADIENTS | Capability.RELEVANCE
_FAILURES = (
    "inherits what the averaged method cannot see; more noise hides small details; squares and "
    "variances lose the sign"
)
# First and second moment of the samples to the result.
Moments = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]


@method(
    name="smoothgrad",
    family="gradient",
    needs=_NEEDS,
    explains="logit",
    display="signed",
    summary="Mean of another method's maps over noisy copies of the picture.",
    reference="Smilkov, Thorat, Kim, Viégas, Wattenberg 2017, arXiv:1706.03825",
    meaning="the unit and sign of the averaged method",
    class_discriminative=True,
    promises="on a linear model it equals the averaged method, whatever the noise",
    failures=_FAILURES,
)
def smoothgrad(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
) -> Attribution:
    """Mean over k of the method at x + N(0, s^2).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    of : str
        The method to average: any of the gradient and relevance families.
    samples : int
        Noisy copies.
    noise_level : float
        Standard deviation s of the noise, as a share of the picture's range of values.

    Returns
    -------
    Attribution
        Shape, unit and sign of the averaged method.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    return _moments(subject, x, target, of, samples, noise_level, lambda mean, square: mean)


@method(
    name="smoothgrad-squared",
    family="gradient",
    needs=_NEEDS,
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
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
) -> Attribution:
    """Mean over k of the squared values of the method at x + N(0, s^2).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    of, samples, noise_level
        See `smoothgrad`.

    Returns
    -------
    Attribution
        Shape of the averaged method, in its unit squared.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    return _moments(subject, x, target, of, samples, noise_level, lambda mean, square: square)


@method(
    name="vargrad",
    family="gradient",
    needs=_NEEDS,
    explains="logit",
    display="magnitude",
    summary="Variance of another method's maps over noisy copies of the picture.",
    reference="Adebayo, Gilmer, Goodfellow, Kim 2018, arXiv:1810.03307",
    meaning="the squared unit of the averaged method; never negative",
    class_discriminative=False,
    promises="on a linear model it is zero",
    failures=_FAILURES,
)
def vargrad(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    of: str = "gradient",
    samples: int = 50,
    noise_level: float = 0.15,
) -> Attribution:
    """Variance over k of the values of the method at x + N(0, s^2).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    of, samples, noise_level
        See `smoothgrad`.

    Returns
    -------
    Attribution
        Shape of the averaged method, in its unit squared.

    Raises
    ------
    UsageError
        If the method cannot be averaged, or the numbers make no sense.
    """
    return _moments(
        subject,
        x,
        target,
        of,
        samples,
        noise_level,
        lambda mean, square: np.maximum(square - mean**2, 0.0),
    )


def _moments(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    of: str,
    samples: int,
    noise_level: float,
    combine: Moments,
) -> Attribution:
    averaged = _averaged(of)
    if samples < 1 or noise_level < 0:
        raise UsageError("samples must be 1 or more, and noise_level 0 or more")
    results, axes = [], ()
    for single in x.astype(np.float64):
        random = subject.generator()  # the same noise for each, so that a batch changes nothing
        deviation = noise_level * np.ptp(single)
        mean: Any = 0.0
        square: Any = 0.0
        for part in subject.slices(samples):
            count = part.stop - part.start
            noisy = single + subject.draw(random.standard_normal, count) * deviation
            found = averaged.function(subject, noisy, target)
            values = found.values.astype(np.float64)
            mean = mean + values.sum(axis=0) / samples
            square = square + (values**2).sum(axis=0) / samples
            axes = found.axes
        results.append(combine(mean, square))
    return Attribution(np.stack(results), axes)


def _averaged(name: str) -> Method:
    chosen = find(name)
    if chosen.name in _NAMES or chosen.family not in ("gradient", "relevance"):
        raise UsageError(
            f"{name!r} cannot be averaged over noise; allowed: methods of the gradient and "
            "relevance families (gradient, gradient-x-input, integrated-gradients, lrp, ...)"
        )
    return chosen
