"""KernelSHAP: Shapley values of superpixels, sampled, or exact if they are few."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.promises import gap_warnings
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.blocks import Blocks
from onnxplain.perturb.coalitions import Scores, every, score_coalitions, shapley_pairs
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import sampled
from onnxplain.perturb.regions import find_regions
from onnxplain.perturb.surrogate import constrained_shapley, exact_shapley
from onnxplain.targets.target import Target

# With so many regions, all 2048 choices are computed.
_EXACT = 11
# Share of a time limit that they may be expected to take: the first batch is a rough measure.
_SHARE = 0.5
# The default of the shap package.
_SAMPLES = 2048
_TOLERANCE = 0.01


@method(
    name="kernel-shap",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    of_scores=True,
    display="signed",
    summary="Shapley values of superpixels: what each adds to the score, averaged over all orders "
    "of adding them.",
    reference="Lundberg, Lee 2017, arXiv:1705.07874; pairs: Covert, Lee 2021, arXiv:2012.01536",
    meaning="score units per region (each pixel shows the value of its region); positive values "
    "raise the score",
    class_discriminative=True,
    promises="the regions add up to the change of the score from the filled picture to this one; "
    "exact Shapley values for at most eleven regions",
    tolerance=_TOLERANCE,
    failures="depends on segmentation and fill; most sampled pictures are half empty, unlike "
    "anything the model was trained on",
)
def kernel_shap(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int | None = None,
    segments: str = "slic",
    regions: int = 50,
    fill_with: str = "mean",
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Sum over sets s without i of |s|! (K - |s| - 1)! / K! (S(s with i) - S(s)).

    With at most eleven regions all sets are computed, if `max_seconds` is long enough by
    far. Else the values are fitted to a sample of them, from which their standard error
    follows.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    samples : int, optional
        Maximum number of perturbed pictures; 2048 plus two per region if not given.
    segments : {"slic", "grid"}
        slic: superpixels; grid: rectangles.
    regions : int
        Approximate number of regions.
    fill_with : str
        Fill of removed regions: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), signed, in score units. Maps: ``regions``, the number of each pixel's
        region, and ``standard_error``. Measures: ``samples``, ``relative_error``, and
        ``completeness_gap`` of the regions (relative).

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    runs, gaps = [], []
    for single, empty in zip(x, fill(context, x, fill_with), strict=True):
        labels = find_regions(context, single, segments, regions)
        count = int(labels.max()) + 1
        score = partial(score_coalitions, context, target, single, empty, labels)
        nothing, everything = score(np.repeat([[False], [True]], count, axis=1))
        exact = _enumerate(context, count, score, max_seconds) if count <= _EXACT else None
        if exact is not None:
            sampling, values = exact
            errors = np.zeros(count)
        else:
            most = _SAMPLES + 2 * count if samples is None else samples
            # Pairs are drawn whole.
            limits = Limits(most + most % 2, max_seconds, tolerance, least=2 * count + 2)
            sampling, values, errors = _sample(
                context, limits, count, score, float(nothing), float(everything)
            )
        change = everything - nothing
        gaps.append((change - values.sum()) / (change or 1.0))
        runs.append((sampling, values[labels], errors[labels], {"regions": labels}))
    found = np.array(gaps)
    warnings = gap_warnings(found, _TOLERANCE, "draw more samples, or take fewer regions")
    return sampled(runs, measures={"completeness_gap": found}, warnings=warnings)


def _enumerate(
    context: Context, count: int, score: Scores, max_seconds: float | None
) -> tuple[Sampling, NDArray[np.float64]] | None:
    """Exact values; none if the first batch shows that the time does not suffice."""
    choices = every(count)
    scores = np.empty(len(choices))
    sampling = Sampling(context, Limits(len(choices)))
    started = time.monotonic()
    for part in sampling.batches(lambda: np.inf):
        scores[part] = score(choices[part])
        if part.start == 0 and max_seconds is not None:
            expected = (time.monotonic() - started) * len(choices) / part.stop
            if expected > _SHARE * max_seconds:
                return None
    return sampling, exact_shapley(scores)


def _sample(
    context: Context, limits: Limits, count: int, score: Scores, nothing: float, everything: float
) -> tuple[Sampling, NDArray[np.float64], NDArray[np.float64]]:
    drawn = Blocks(context.seed, lambda random, rows: shapley_pairs(random, rows, count))
    kept: list[NDArray[np.bool_]] = []
    scores: list[NDArray[np.float64]] = []

    def fitted() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return constrained_shapley(
            np.concatenate(kept), np.concatenate(scores), nothing, everything
        )

    sampling = Sampling(context, limits)
    for part in sampling.batches(lambda: relative_error(*fitted())):
        kept.append(drawn.rows(part))
        scores.append(score(kept[-1]))
    return sampling, *fitted()
