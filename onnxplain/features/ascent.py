"""Change an input, step by step, so that something about the network grows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import NumericalError, UsageError
from onnxplain.features.passes import Progress, silent
from onnxplain.model.model import Model

# Value and gradient of what grows, for one input (1, ...).
Objective = Callable[[NDArray[Any]], tuple[float, NDArray[Any]]]

_MEMORY, _POWER_MEMORY, _STABILIZER = 0.9, 0.999, 1e-8
_SMOOTH = 1e-6


@dataclass(frozen=True)
class Ascent:
    """How an input is changed.

    Attributes
    ----------
    steps : int
        Number of steps.
    rate : float
        Length of the first steps, as a share of the range of inputs; it falls to zero.
    decay : float
        Lambda of the penalty ``lambda |x|^2``.
    variation : float
        Factor of the penalty on the total variation.
    jitter : int
        Largest random shift before each gradient, in pixels; undone after it.
    blur : float
        Standard deviation, in pixels, of a blur after every `blur_every` steps; 0 for none.
    blur_every : int
        See `blur`.
    bounded : bool
        Keep the input within what preprocessing can give.
    """

    steps: int = 200
    rate: float = 0.02
    decay: float = 0.0
    variation: float = 0.0
    jitter: int = 0
    blur: float = 0.0
    blur_every: int = 4
    bounded: bool = False

    def __post_init__(self) -> None:
        positive = self.steps >= 1 and 0 < self.rate < math.inf and self.blur_every >= 1
        others = (self.decay, self.variation, self.jitter, self.blur)
        if not positive or not all(0 <= value < math.inf for value in others):
            raise UsageError(
                "steps and blur_every must be 1 or more, rate above 0, and decay, variation, "
                "jitter and blur not negative; all must be finite"
            )


def ascend(
    model: Model,
    start: NDArray[Any],
    objective: Objective,
    how: Ascent,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[NDArray[np.float64], list[float]]:
    """Raise an objective less its penalties, by Adam (Kingma, Ba 2015, arXiv:1412.6980).

    Parameters
    ----------
    model : Model
        Gives layout and range of inputs.
    start : (1, ...) array
        Where to begin.
    objective : callable
        Value and gradient for an input.
    how : Ascent
        Settings.
    seed : int
        Of the random shifts.
    progress : callable
        Told how many of how many steps are done.

    Returns
    -------
    (1, ...) float64 array
        The input that was reached.
    list of float
        Objective less penalties before each step.

    Raises
    ------
    NumericalError
        If a gradient is NaN or infinite.
    """
    axes = (2, 3) if model.network.image.layout == "NCHW" else (1, 2)
    low, high = (b.astype(np.float64) for b in model.preprocess.bounds())
    length = how.rate * float((high - low).max())
    rng = np.random.default_rng(seed)
    x = np.array(start, np.float64)
    mean, power = np.zeros_like(x), np.zeros_like(x)
    history = []
    for k in range(1, how.steps + 1):
        shift = tuple(int(s) for s in rng.integers(-how.jitter, how.jitter + 1, 2))
        value, slope = objective(np.roll(x, shift, axes))
        slope = np.roll(np.asarray(slope, np.float64), (-shift[0], -shift[1]), axes)
        rough, rough_slope = total_variation(x, axes)
        history.append(value - how.decay * float((x**2).sum()) - how.variation * rough)
        slope = slope - 2 * how.decay * x - how.variation * rough_slope
        if not np.isfinite(slope).all():
            raise NumericalError(f"the gradient is NaN or infinite after {k - 1} steps")
        mean = _MEMORY * mean + (1 - _MEMORY) * slope
        power = _POWER_MEMORY * power + (1 - _POWER_MEMORY) * slope**2
        move = mean / (1 - _MEMORY**k)
        move /= np.sqrt(power / (1 - _POWER_MEMORY**k)) + _STABILIZER
        x = x + length * (1 - (k - 1) / how.steps) * move
        if how.blur and k % how.blur_every == 0 and k < how.steps:
            x = scipy.ndimage.gaussian_filter(x, [how.blur if a in axes else 0 for a in range(4)])
        if how.bounded:
            x = np.clip(x, low, high)
        progress(k, how.steps)
    return x, history


def total_variation(
    x: NDArray[np.float64], axes: tuple[int, int]
) -> tuple[float, NDArray[np.float64]]:
    """Sum of the lengths of differences to the next pixel below and at the right.

    Returns
    -------
    float
        The sum.
    array of the shape of x
        Its gradient.
    """
    down, right = (np.diff(x, axis=a, append=np.take(x, [-1], axis=a)) for a in axes)
    lengths = np.sqrt(down**2 + right**2 + _SMOOTH)
    slope = np.zeros_like(x)
    for step, axis in ((down, axes[0]), (right, axes[1])):
        flow = step / lengths
        slope -= flow
        slope += np.roll(flow, 1, axis)  # the last difference is zero, so nothing comes round
    return float(lengths.sum() - np.sqrt(_SMOOTH) * lengths.size), slope
