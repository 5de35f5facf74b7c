"""LIME: a linear model of the score over superpixels that are kept or taken away."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.coalitions import Scores, independent, score_coalitions
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import sampled
from onnxplain.perturb.regions import find_regions
from onnxplain.perturb.surrogate import weighted_ridge
from onnxplain.targets.target import Target


@method(
    name="lime",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    of_scores=True,
    display="signed",
    summary="Weights of a linear model that predicts the score from which superpixels are kept.",
    reference="Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938",
    meaning="score units per region (each pixel shows the value of its region); positive: the "
    "score is higher with the region",
    class_discriminative=True,
    promises="on a linear model, without penalty, it equals each region's contribution; `fit` "
    "reports the share of the variance that the linear model explains",
    failures="meaningless if the fit is poor; depends on segmentation, fill and seed; the penalty "
    "shrinks small effects towards zero",
)
def lime(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int = 1000,
    segments: str = "slic",
    regions: int = 50,
    fill_with: str = "mean",
    kernel_width: float = 0.25,
    alpha: float = 1.0,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Minimise sum over samples z of exp(-d(z)^2 / 2 s^2) (S(z) - b - w z)^2 + alpha w^2.

    z is 1 where a region is kept, with probability one half; d is one minus the cosine
    between z and the whole picture's ones.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    samples : int
        Maximum number of perturbed pictures.
    segments : {"slic", "grid"}
        slic: superpixels; grid: rectangles.
    regions : int
        Approximate number of regions.
    fill_with : str
        Fill of removed regions: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    kernel_width : float
        Width s of the kernel; the smaller it is, the more only samples near the whole picture
        count.
    alpha : float
        Strength of the penalty on large weights.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), signed, in score units. Maps: ``regions``, the number of each pixel's
        region, and ``standard_error``. Measures: ``samples``, ``relative_error``, ``fit``.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    if not kernel_width > 0 or not alpha >= 0:
        raise UsageError("lime: kernel_width must be above 0, and alpha 0 or more")
    limits = Limits(samples, max_seconds, tolerance)
    runs, fits = [], []
    for single, empty in zip(x, fill(context, x, fill_with), strict=True):
        labels = find_regions(context, single, segments, regions)
        score = partial(score_coalitions, context, target, single, empty, labels)
        sampling, (values, errors, fit) = _fit(
            context, limits, int(labels.max()) + 1, score, kernel_width, alpha
        )
        fits.append(fit)
        runs.append((sampling, values[labels], errors[labels], {"regions": labels}))
    return sampled(runs, measures={"fit": np.array(fits)})


def _fit(
    context: Context, limits: Limits, count: int, score: Scores, kernel_width: float, alpha: float
) -> tuple[Sampling, tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    drawn = Blocks(context.seed, lambda random, rows: independent(random, rows, count))
    kept: list[NDArray[np.bool_]] = []
    scores: list[NDArray[np.float64]] = []

    def fitted() -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        z = np.concatenate(kept)
        distance = 1.0 - np.sqrt(z.mean(axis=1))
        weights = np.exp(-(distance**2) / (2 * kernel_width**2))
        return weighted_ridge(z, np.concatenate(scores), weights, alpha)

    sampling = Sampling(context, replace(limits, least=count + 2))
    for part in sampling.batches(lambda: relative_error(*fitted()[:2])):
        kept.append(drawn.rows(part))
        scores.append(score(kept[-1]))
    return sampling, fitted()
