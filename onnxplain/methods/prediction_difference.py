"""Prediction difference analysis: what the score loses when a window is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import WindowChanges
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method
from onnxplain.network.context import Context, silent
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.conditional import WindowSampler
from onnxplain.perturb.find_background import Size, channels_first, find_background, pair
from onnxplain.perturb.odds import log_odds, log_odds_slope
from onnxplain.perturb.outcome import Run, sampled
from onnxplain.perturb.readout import Readout, readout
from onnxplain.perturb.windows import mean_over_windows, scattered, windows_inside
from onnxplain.targets.target import Target


@method(
    name="prediction-difference",
    family="perturbation",
    needs=Capability.FORWARD | Capability.WINDOWS,
    explains="probability",
    display="signed",
    summary="How much evidence is lost when a window is replaced by plausible pixels.",
    reference="Zintgraf, Cohen, Adel, Welling 2017, arXiv:1702.04595",
    meaning="bits (binary log-odds of the probability), or score units for other scores; "
    "positive: the window supports the target",
    class_discriminative=True,
    promises="zero where the model ignores the window; with a conditional sampler also where the "
    "surroundings predict the window",
    failures="slow; a Gaussian draws smooth patches, so texture and edges count more than they "
    "should; without a background of other pictures, the picture's own patches are used",
)
def prediction_difference(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    background: str | None = None,
    sampler: str | None = None,
    window: Size | int | None = None,
    stride: Size | int | None = None,
    padding: int | None = None,
    samples: int = 10,
    training_count: int = 100_000,
    hidden: str | None = None,
    unit: int = 0,
    place: Size | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Mean over the windows w that cover a pixel of log2 odds(c | x) - log2 odds(c | x without w).

    p(c | x without w) is the mean of p over draws of w's content from the sampler. For other
    scores than the probability of a class, and for hidden units, it is the plain difference.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    background : str, optional
        Other pictures: a folder, pattern or table, fitted anew each time, or the ``.npz`` that
        ``onnxplain background`` wrote. The picture itself if not given.
    sampler : {"conditional", "joint", "marginal"}, optional
        Gaussian for each channel given the pixels around the window (the default with a
        background); for all channels together; or the same place in another picture (without
        a background: any place in this one, the default then).
    window : int or (int, int), optional
        Height and width in pixels; an eighth of the input if not given.
    stride : int or (int, int), optional
        Step between windows; half a window if not given. The paper has windows of 10 x 10
        and every position.
    padding : int, optional
        Width in pixels of the border that a Gaussian is conditioned on; 2 if not given.
    samples : int
        Maximum number of draws per window.
    training_count : int
        N of the Laplace correction (p N + 1) / (N + K), with K classes.
    hidden : str, optional
        A tensor: explain a unit of it instead of the target.
    unit : int
        Feature map or neuron; of a feature map the mean over its places is explained.
    place : (int, int), optional
        Row and column in the feature map, instead of the mean.
    max_seconds, tolerance : float, optional
        Stop after this many seconds, or when the standard error falls below this share of the
        map's range.

    Returns
    -------
    Attribution
        (N, H, W), signed, in bits or score units. Map ``standard_error``. Measures:
        ``samples`` (changed pictures), ``relative_error``, and ``covered``, the share of the
        picture that was reached in time.

    Raises
    ------
    UsageError
        If a number makes no sense, or the background is of another model.
    """
    if samples < 1 or training_count < 1:
        raise UsageError("prediction-difference: samples and training_count must be 1 or more")
    read = readout(context, target, hidden, unit, place)
    size = context.network.image.size
    runs, covered, steps, used, engine = [], [], (1, 1), None, {}
    for single in x:
        used = find_background(context, single, background, sampler, window, padding)
        halves = (max(1, used.window[0] // 2), max(1, used.window[1] // 2))
        steps = pair("stride", stride, halves, used.window)
        windows = windows_inside(size, used.window, steps)
        limits = Limits(samples * len(windows), max_seconds, tolerance)
        work = _Windows(context, single, read, WindowSampler(used), windows, training_count)
        run, share = work.run(limits, samples)
        engine = work.engine
        runs.append(run)
        covered.append(share)
    assert used is not None
    settled = {"window": list(used.window), "stride": list(steps), "padding": used.padding}
    return sampled(
        runs,
        parameters={**settled, "sampler": used.sampler, "background_pictures": used.count},
        measures={"covered": np.array(covered)},
        notes={"engine": dict(engine)},
    )


@dataclass(frozen=True)
class _Windows:
    """One picture, its windows, and how they are filled and read; `engine` is found out."""

    context: Context
    x: NDArray[Any]
    read: Readout
    sampler: WindowSampler
    windows: NDArray[np.int64]
    training_count: int
    engine: dict[str, Any] = field(default_factory=dict)

    def run(self, limits: Limits, sweeps: int) -> tuple[Run, float]:
        """Draw once for all windows, then again."""
        sums = np.zeros((3, len(self.windows)))  # of 1, score, score^2
        base = self.read.values(self.x[None])[0]
        sampling = Sampling(self.context, limits)
        size = self.context.network.image.size

        def result() -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
            return mean_over_windows(*self._differences(base, sums), self.windows, size)

        for sweep in range(sweeps):
            for chosen, scores in self._sweep(sweep, sampling):
                shifted = scores - base
                sums[:, chosen] += np.stack([np.ones_like(shifted), shifted, shifted**2])
            sampling.check(lambda: relative_error(*result()[:2]))
            if sampling.over:
                break
        values, errors, share = result()
        return (sampling, values, errors, {}), share

    def _sweep(
        self, sweep: int, sampling: Sampling
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Numbers of windows with their scores, one draw each, until sampling is over."""
        quiet = replace(self.context, progress=silent)
        for chosen in scattered(len(self.windows), self.context.seed):
            changes = WindowChanges(self.windows[chosen], self._content(chosen, sweep))
            run = self.read.windowed(quiet, self.x, changes)
            self.engine.update(run.engine)
            for indices, scores in run.blocks:
                yield chosen[indices], scores
                sampling.advance(len(indices))
                if sampling.over:
                    return

    def _content(self, chosen: NDArray[np.int64], sweep: int) -> Callable[[int], NDArray[Any]]:
        picture = channels_first(self.context, self.x)
        last = self.context.channel_axis != 1
        whole = self.x.dtype.kind in "iu"

        def content(k: int) -> NDArray[Any]:
            number = int(chosen[k])
            random = np.random.default_rng([self.context.seed, sweep, number])
            top, _, left, _ = (int(v) for v in self.windows[number])
            drawn = self.sampler.draw(random, picture, (top, left))
            drawn = np.rint(drawn) if whole else drawn
            return (np.moveaxis(drawn, 0, -1) if last else drawn).astype(self.x.dtype)

        return content

    def _differences(
        self, base: float, sums: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Loss and its standard error for each window; NaN where they are not known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            count = np.where(sums[0] > 0, sums[0], np.nan)
            shift = sums[1] / count
            spread = np.maximum(sums[2] / count - shift**2, 0.0)
            errors = np.where(count > 1, np.sqrt(spread / (count - 1)), np.nan)
        if not self.read.is_probability:
            return -shift, errors
        classes = max(2, self.read.classes)
        mean = np.clip(base + shift, 0.0, 1.0)
        before = log_odds(np.array(base), self.training_count, classes)
        slope = log_odds_slope(mean, self.training_count, classes)
        return before - log_odds(mean, self.training_count, classes), errors * slope
