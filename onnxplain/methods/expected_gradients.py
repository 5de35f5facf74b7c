"""Expected gradients: integrated gradients averaged over several baselines."""

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
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.fills import fill
from onnxplain.perturb.outcome import Run, sampled
from onnxplain.targets.target import Target

# Points between two looks at the map: each costs a gradient.
LOOK = 16
_GOLDEN = (5**0.5 - 1) / 2
# What sampling error may leave of the gap.
_TOLERANCE = 0.05


@method(
    name="expected-gradients",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Gradient times the difference from a baseline, averaged over random baselines and "
    "points on the path.",
    reference="Erion, Janizek, Sturmfels, Lundberg, Lee 2019, arXiv:1906.10670",
    meaning="score units; positive values support the target, relative to the baselines",
    class_discriminative=True,
    promises="sums to S(x) minus the baselines' mean score, up to sampling error; the relative "
    "gap is reported",
    tolerance=_TOLERANCE,
    failures="sampling noise, which more samples reduce; depends on the choice of baselines",
)
def expected_gradients(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    baselines: str = "black,white,mean,blur",
    samples: int = 50,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Mean of (x - x') dS/dx at x' + a (x - x'), over baselines x' and uniform a in [0, 1].

    The a of a baseline are a random number plus multiples of the golden ratio, modulo one: evenly
    spread, however many are drawn.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    baselines : str
        Pictures without evidence, separated by commas: black, white, mean, blur, noise, image
        files, or numbers in the model's units. All are drawn equally often.
    samples : int
        Maximum number of random points per picture.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units. Map ``standard_error``, (N, H, W), of its sum
        over channels, at most: points are spread more evenly than at random. Measures:
        ``completeness_gap`` (relative), ``samples`` drawn, ``relative_error``.

    Raises
    ------
    UsageError
        If there is no sample or no baseline.
    """
    kinds = [k.strip() for k in baselines.split(",") if k.strip()]
    if not kinds:
        raise UsageError("expected-gradients needs at least one baseline")
    limits = Limits(samples, max_seconds, tolerance, least=2 * len(kinds), every=LOOK)
    name, channel = context.network.image.name, context.channel_axis
    starts = np.stack([fill(context, x, kind) for kind in kinds]).astype(np.float64)
    runs: list[Run] = []
    for n in range(len(x)):
        # The same draws for each picture, so that a batch changes nothing.
        first = context.generator().random(len(kinds))
        by_baseline, sampling = _ByBaseline(len(kinds), channel), Sampling(context, limits)
        for part in sampling.batches(by_baseline.relative_error):
            places, drawn = np.divmod(np.arange(part.start, part.stop), len(kinds))
            alphas = (first[drawn] + places * _GOLDEN) % 1.0
            way = x[n].astype(np.float64) - starts[drawn, n]
            points = starts[drawn, n] + alphas.reshape(-1, *[1] * (x.ndim - 1)) * way
            slopes = input_gradient(context, points, target).gradients[name]
            by_baseline.add(drawn, way * slopes)
        runs.append((sampling, by_baseline.value(), by_baseline.error(), {}))
    ends = [input_scores(context, end, target) for end in (x, *starts)]
    change = ends[0] - np.mean(ends[1:], axis=0)
    summed = np.array([values.sum() for _, values, _, _ in runs])
    gap = (change - summed) / np.where(change == 0, 1.0, change)
    remedy = f"draw more samples (samples={8 * samples}), or use integrated-gradients"
    warnings = gap_warnings(gap, _TOLERANCE, remedy)
    measures = {"completeness_gap": gap}
    return sampled(runs, axes=input_axes(context), measures=measures, warnings=warnings)


class _ByBaseline:
    """Sums over the points of each baseline; all baselines count alike in their mean."""

    def __init__(self, kinds: int, channel: int) -> None:
        self._channel = channel
        self._counts = np.zeros(kinds)
        self._values: dict[int, NDArray[np.float64]] = {}
        self._powers: dict[int, NDArray[np.float64]] = {}

    def add(self, drawn: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in the values of points, (n, ...), with the baseline of each."""
        for kind in np.unique(drawn):
            own = values[drawn == kind]
            shown = own.sum(axis=self._channel)
            powers = np.stack([shown.sum(axis=0), (shown**2).sum(axis=0)])
            self._counts[kind] += len(own)
            self._values[kind] = self._values.get(kind, 0.0) + own.sum(axis=0)
            self._powers[kind] = self._powers.get(kind, 0.0) + powers

    def value(self) -> NDArray[np.float64]:
        """Mean over the baselines drawn so far."""
        means = [total / self._counts[kind] for kind, total in self._values.items()]
        return np.asarray(np.mean(means, axis=0))

    def error(self) -> NDArray[np.float64]:
        """Standard error of the sum over channels, as if points were drawn independently.

        NaN where a baseline has one point only.
        """
        variances = []
        for kind, (total, squares) in self._powers.items():
            count = self._counts[kind]
            spread = np.maximum(squares / count - (total / count) ** 2, 0.0)
            variances.append(spread / (count - 1) if count > 1 else np.full_like(spread, np.nan))
        return np.asarray(np.sqrt(np.sum(variances, axis=0)) / len(variances))

    def relative_error(self) -> float:
        """How far the map has settled; see `relative_error`."""
        return relative_error(self.value().sum(axis=self._channel - 1), self.error())
