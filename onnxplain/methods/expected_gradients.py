"""Expected gradients: integrated gradients averaged over several baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanation import Attribution
from onnxplain.methods.gradients import input_axes, input_gradient, input_scores
from onnxplain.methods.registry import method
from onnxplain.perturb.fills import fill
from onnxplain.subject import Subject
from onnxplain.target import Target


@method(
    name="expected-gradients",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Gradient times distance from a baseline, averaged over random baselines and points "
    "between.",
    reference="Erion, Janizek, Sturmfels, Lundberg, Lee 2019, arXiv:1906.10670",
    meaning="score units; positive speaks for the target, relative to the baselines",
    class_discriminative=True,
    promises="sums to S(x) minus the baselines' mean score, up to sampling error; the relative "
    "gap is reported",
    failures="sampling noise: more samples make it smoother; depends on the choice of baselines",
)
def expected_gradients(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    baselines: str = "black,white,mean,blur",
    samples: int = 50,
) -> Attribution:
    """Mean of (x - x') dS/dx at x' + a (x - x'), over baselines x' and uniform a in [0, 1].

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    baselines : str
        Comma-separated; each as in `onnxplain.perturb.fills.fill`. All are drawn equally
        often.
    samples : int
        Random points for each picture.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measure ``completeness_gap`` (relative).

    Raises
    ------
    UsageError
        If there is no sample or no baseline.
    """
    kinds = [k.strip() for k in baselines.split(",") if k.strip()]
    if samples < 1 or not kinds:
        raise UsageError("expected-gradients needs at least one sample and one baseline")
    name = subject.network.image.name
    starts = np.stack([fill(subject, x, kind) for kind in kinds]).astype(np.float64)
    values = np.zeros(x.shape, np.float64)
    for n in range(len(x)):
        random = subject.generator()  # the same draws for each, so that a batch changes nothing
        drawn = np.arange(samples) % len(kinds)
        # One point in each of equal parts of the way: unbiased, with less sampling error.
        places = np.arange(samples) // len(kinds)
        counts = np.bincount(drawn, minlength=len(kinds))[drawn]
        alphas = (places + random.random(samples)) / counts
        for part in subject.slices(samples):
            start = starts[drawn[part], n]
            way = x[n].astype(np.float64) - start
            points = start + alphas[part].reshape(-1, *[1] * (x.ndim - 1)) * way
            slopes = input_gradient(subject, points, target).gradients[name]
            values[n] += (way * slopes).sum(axis=0) / samples
    ends = [input_scores(subject, end, target) for end in (x, *starts)]
    change = ends[0] - np.mean(ends[1:], axis=0)
    gap = (change - values.reshape(len(x), -1).sum(axis=1)) / np.where(change == 0, 1.0, change)
    return Attribution(values, input_axes(subject), measures={"completeness_gap": gap})
