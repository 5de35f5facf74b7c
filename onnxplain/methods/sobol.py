"""Sobol attribution: the share of the score's variance under masks that a region has a part in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.coalitions import score_coalitions
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import constant_score, sampled
from onnxplain.perturb.regions import find_regions
from onnxplain.perturb.spread_points import SpreadPoints
from onnxplain.targets.target import Target

Array = NDArray[np.float64]
# Points between two looks at the map: each costs a score for every region.
_LOOK = 8


@method(
    name="sobol",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="magnitude",
    shows="how much of the score's variance under random masks a region has a part in",
    ends=("none", "all"),
    summary="Share of the score's variance under random masks that disappears if a region is held.",
    reference="Fel, Cadène, Chalvidal, Cord, Vigouroux, Serre 2021, arXiv:2111.04138, equation 4; "
    "estimator: Jansen 1999, doi:10.1016/S0010-4655(98)00154-4",
    meaning="total Sobol index of each region (each pixel shows the value of its region): a share "
    "without unit; never negative: shows how strongly, not in which direction",
    class_discriminative=True,
    promises="on a model that is a sum over regions the indices add up to one; regions that act "
    "together count in each of them, so that the sum is larger",
    failures="evidence against the target counts like evidence for it; coarse; half-masked "
    "pictures are unlike anything the model was trained on",
)
def sobol(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int = 32,
    segments: str = "grid",
    regions: int = 64,
    fill_with: str = "black",
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """T_i = 1 / (2 N V) sum over k of (S(a_k) - S(a_k with entry i of b_k))^2, V = var S(a).

    a_k and b_k are points in [0, 1]^d, from one Sobol sequence in 2 d dimensions that is shifted at
    random; entry i says which share of region i is kept.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    samples : int
        Maximum number of points, N; each costs one more forward pass than there are regions.
    segments : {"grid", "slic"}
        grid: rectangles; slic: superpixels.
    regions : int
        Approximate number of regions, d.
    fill_with : str
        Fill of removed regions: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), not negative. Maps: ``regions``, the number of each pixel's region, and
        ``standard_error``, as if points were drawn independently, which they are more evenly than.
        Measures: ``samples`` drawn, ``relative_error``.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    limits = Limits(samples, max_seconds, tolerance, every=_LOOK)
    runs = []
    warnings: list[str] = []
    for single, empty in zip(x, fill(context, x, fill_with), strict=True):
        labels = find_regions(context, single, segments, regions)
        count = int(labels.max()) + 1
        points, found = SpreadPoints(2 * count, context.seed), _Indices(labels)
        sampling = Sampling(context, replace(limits, passes=count + 1))
        for part in sampling.batches(found.relative_error):
            rows = points.rows(part)
            masks = _designs(rows[:, :count], rows[:, count:])
            scores = score_coalitions(context, target, single, empty, labels, masks)
            found.add(scores.reshape(-1, count + 1))
        values, errors = found.maps()
        warnings += constant_score(found.scores[:, 0])
        runs.append((sampling, values, errors, {"regions": labels}))
    return sampled(runs, warnings=tuple(dict.fromkeys(warnings)))


def _designs(a: Array, b: Array) -> Array:
    """Each point a, then a with each of its entries from b, one after the other."""
    count = a.shape[1]
    masks = np.repeat(a[:, None], count + 1, axis=1)
    entries = np.arange(count)
    masks[:, entries + 1, entries] = b
    return masks.reshape(-1, count)


class _Indices:
    """Scores of the points, in the first column, and of those with another entry."""

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self._labels = labels
        self._parts: list[Array] = []

    def add(self, scores: Array) -> None:
        """Take in (n, 1 + d) scores."""
        self._parts.append(scores)

    @property
    def scores(self) -> Array:
        """All of them."""
        return np.concatenate(self._parts)

    def maps(self) -> tuple[Array, Array]:
        """Total index of each pixel's region, and its standard error."""
        values, errors = self._total()
        return values[self._labels], errors[self._labels]

    def _total(self) -> tuple[Array, Array]:
        """Total indices and their standard errors by the delta method, (d,) each."""
        scores = self.scores
        count, first = len(scores), scores[:, :1]
        squares = (scores[:, 1:] - first) ** 2
        deviations = (first - first.mean()) ** 2
        variance = deviations.sum() / max(count - 1, 1)
        if variance == 0:
            return np.zeros(squares.shape[1]), np.full(squares.shape[1], np.nan)
        indices = squares.mean(axis=0) / (2 * variance)
        parts = squares / 2 - indices * deviations
        return indices, parts.std(axis=0) / (variance * np.sqrt(count - 1))

    def relative_error(self) -> float:
        """How far the map has settled; see `relative_error`."""
        return relative_error(*self.maps())
