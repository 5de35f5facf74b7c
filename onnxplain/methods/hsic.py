"""HSIC attribution: how far the score depends on whether a region is kept."""

from __future__ import annotations

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
from onnxplain.perturb.coalitions import independent, score_coalitions
from onnxplain.perturb.dependence import dependence, median_distance
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import constant_score, sampled
from onnxplain.perturb.regions import find_regions
from onnxplain.targets.target import Target


@method(
    name="hsic",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="magnitude",
    shows="how far the score depends on whether a region is kept",
    ends=("none", "much"),
    summary="Dependence (HSIC) between the score and whether a region is kept in random masks.",
    reference="Novello, Fel, Vigouroux 2022, arXiv:2206.06219, equation 5; HSIC: Gretton et al. "
    "2005, doi:10.1007/11564089_7",
    meaning="between 0 and 1/4, without unit (each pixel shows the value of its region); never "
    "negative: shows how strongly, not in which direction",
    class_discriminative=True,
    promises="a region on which the score does not depend tends to zero with the number of samples",
    failures="evidence against the target counts like evidence for it; coarse; half-empty pictures "
    "are unlike anything the model was trained on",
)
def hsic(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    samples: int = 1500,
    segments: str = "grid",
    regions: int = 64,
    fill_with: str = "black",
    width: float | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """1 / N^2 trace(K H L H): K_jk = 1/2 - (z_j - z_k)^2, L_jk = exp(-(S_j - S_k)^2 / 2 w^2).

    z is 1 where a region is kept, with probability one half; S is the score, and H subtracts the
    mean.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    samples : int
        Maximum number of masks, N.
    segments : {"grid", "slic"}
        grid: rectangles; slic: superpixels.
    regions : int
        Approximate number of regions.
    fill_with : str
        Fill of removed regions: black, white, mean, blur, noise, an image file, or a number in the
        model's units.
    width : float, optional
        Width w of the scores' kernel, in score units, above 0; the median distance between the
        scores of the first 128 masks if not given, where the authors' code takes the median score.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), not negative. Maps: ``regions``, the number of each pixel's region, and
        ``standard_error``. Measures: ``samples`` drawn, ``relative_error``, ``width``.

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    if width is not None and not 0 < width < np.inf:
        raise UsageError(f"hsic: width {width} is out of range; it must be above 0 and finite")
    limits = Limits(samples, max_seconds, tolerance)
    runs, widths = [], []
    warnings: list[str] = []
    for single, empty in zip(x, fill(context, x, fill_with), strict=True):
        labels = find_regions(context, single, segments, regions)
        found = _Masked(width, labels)
        drawn = Blocks(context.seed, partial(independent, regions=int(labels.max()) + 1))
        sampling = Sampling(context, limits)
        for part in sampling.batches(found.relative_error):
            kept = drawn.rows(part)
            found.add(kept, score_coalitions(context, target, single, empty, labels, kept))
        values, errors = found.maps()
        widths.append(found.width)
        warnings += constant_score(found.scores)
        runs.append((sampling, values, errors, {"regions": labels}))
    measures = {"width": np.array(widths)}
    return sampled(runs, measures=measures, warnings=tuple(dict.fromkeys(warnings)))


class _Masked:
    """Choices and the scores under them; labels say which pixels a region has."""

    def __init__(self, width: float | None, labels: NDArray[np.int64]) -> None:
        self._width, self._labels = width, labels
        self._kept: list[NDArray[np.bool_]] = []
        self._scores: list[NDArray[np.float64]] = []

    def add(self, kept: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        """Take in a batch."""
        self._kept.append(kept)
        self._scores.append(scores)

    @property
    def scores(self) -> NDArray[np.float64]:
        """All scores."""
        return np.concatenate(self._scores)

    @property
    def width(self) -> float:
        """Width of the scores' kernel."""
        return median_distance(self.scores) if self._width is None else self._width

    def maps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """HSIC of each pixel's region, and its standard error."""
        values, errors = dependence(np.concatenate(self._kept), self.scores, self.width)
        return values[self._labels], errors[self._labels]

    def relative_error(self) -> float:
        """How far the map has settled; see `relative_error`."""
        return relative_error(*self.maps())
