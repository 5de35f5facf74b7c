"""Guided integrated gradients: integrated gradients on a way that keeps to small gradients."""

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

Array = NDArray[np.float64]
_TOLERANCE = 0.05


@method(
    name="guided-ig",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Integrated gradients on a path that changes the values with the smallest gradients "
    "first.",
    reference="Kapishnikov, Venugopalan, Avci, Wedin, Terry, Bolukbasi 2021, arXiv:2106.09788, "
    "algorithm 1",
    meaning="score units; positive values support the target, relative to the baseline",
    class_discriminative=True,
    promises="sums to S(x) - S(baseline), up to the length of a step; the relative gap is reported",
    tolerance=_TOLERANCE,
    failures="pixels that look like the baseline get no attribution; slow: each step waits for the "
    "one before; where gradients are nearly equal, rounding decides which pixels come first",
)
def guided_ig(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    baseline: str = "black",
    steps: int = 200,
    share: float = 0.25,
    max_distance: float = 0.02,
) -> Attribution:
    """Sum over the steps of a path from x' to x of the step times the mean of dS/dx at its ends.

    Step k takes k / steps of the L1 distance from x' to x off what is left. It changes the `share`
    of all values whose gradient is smallest; if these reach their limit, those that follow. The
    limits are the points of the straight path `max_distance` before and after k / steps. (The
    authors sum the step times dS/dx where it begins, which needs many more steps to add up.)

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    baseline : str
        Picture without evidence: black, white, mean, blur, noise, an image file, or a number
        in the model's units.
    steps : int
        Number of gradients, one after the other.
    share : float
        Share of all values that a step changes together, above 0 and at most 1.
    max_distance : float
        How far a value may be from the straight path, as a share of its whole change: 0 is the
        straight path, 1 no limit.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measure ``completeness_gap`` (relative, signed).

    Raises
    ------
    UsageError
        If a number makes no sense.
    """
    if steps < 1 or not 0 < share <= 1 or not 0 <= max_distance <= 1:
        raise UsageError(
            f"guided-ig: steps {steps}, share {share} and max_distance {max_distance} are out of "
            "range; allowed: at least 1 step, a share above 0 and up to 1, a distance from 0 to 1"
        )
    start = fill(context, x, baseline)
    ends = input_scores(context, np.concatenate([x, start]), target)
    change = ends[: len(x)] - ends[len(x) :]
    values = np.empty(x.shape, np.float64)
    name = context.network.image.name
    for n in range(len(x)):  # each on its own, so that a batch changes no picture's result
        base = start[n].astype(np.float64)
        way = x[n].astype(np.float64) - base
        path = _Path(np.abs(way), steps, share, max_distance)
        summed, moved = np.zeros(way.shape), np.zeros(way.shape)
        for k in range(steps + 1):
            point = (base + path.places * way)[None]
            slope = input_gradient(context, point, target).gradients[name][0].astype(np.float64)
            next_moved = path.advance(k, np.abs(slope)) if k < steps else 0 * moved
            # The slope at a point counts for half of the steps that end and that begin there.
            summed += slope * (moved + next_moved) / 2
            moved = next_moved
            context.progress(n * (steps + 1) + k + 1, len(x) * (steps + 1))
        values[n] = summed * way
    gap = (change - values.reshape(len(x), -1).sum(axis=1)) / np.where(change == 0, 1.0, change)
    warnings = gap_warnings(gap, _TOLERANCE, f"take more steps: steps={4 * steps}")
    measures = {"completeness_gap": gap}
    return Attribution(values, input_axes(context), measures=measures, warnings=warnings)


class _Path:
    """Where each value is on its own way, from 0 (baseline) to 1 (picture).

    Parameters
    ----------
    lengths : array
        How far each value has to go, not negative.
    steps, share, max_distance
        See `guided_ig`.

    Attributes
    ----------
    places : array
        Shape of `lengths`.
    """

    def __init__(self, lengths: Array, steps: int, share: float, max_distance: float) -> None:
        self._lengths, self._steps, self._max_distance = lengths, steps, max_distance
        # The quantile "share" of n values is the one of this rank.
        self._rank = int(share * (lengths.size - 1))
        self.places = np.zeros(lengths.shape)

    def advance(self, step: int, slopes: Array) -> Array:
        """Take step number `step`, the smallest `slopes` first; return how far each value went."""
        before, done = self.places.copy(), (step + 1) / self._steps
        highest = min(done + self._max_distance, 1.0)
        self.places = np.maximum(before, max(done - self._max_distance, 0.0))
        left = done * self._lengths.sum() - (self.places * self._lengths).sum()
        room = np.where(self.places < highest, (highest - self.places) * self._lengths, 0.0).ravel()
        movable = np.flatnonzero(room > 0)
        order = movable[np.argsort(slopes.ravel()[movable], kind="stable")]
        sizes, room = slopes.ravel()[order], room[order]
        places, first = self.places.reshape(-1), 0
        while left > 0 and first < len(order):
            # All that are as small as the last one belong to it.
            last = sizes[min(first + self._rank, len(order) - 1)]
            end = int(np.searchsorted(sizes, last, side="right"))
            chosen, possible = order[first:end], float(room[first:end].sum())
            part = min(left / possible, 1.0)
            places[chosen] += part * (highest - places[chosen])
            left, first = left - part * possible, end
        self.places = places.reshape(before.shape)
        return self.places - before
