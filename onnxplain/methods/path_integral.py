"""The integral of the gradient along a path between two pictures, until it adds up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.gradients import input_axes, input_gradient, input_scores
from onnxplain.methods.promises import gap_warnings
from onnxplain.network.context import Context
from onnxplain.targets.target import Target

# From (K,) numbers between 0 and 1, the points of a path there, (K, ...), and its derivatives by
# these numbers, (K, ...) or (1, ...) where they are the same everywhere.
Path = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def integrated(
    context: Context,
    ends: tuple[NDArray[Any], NDArray[Any]],
    paths: Sequence[Path],
    target: Target,
    *,
    steps: int,
    max_steps: int,
    tolerance: float,
) -> Attribution:
    """Integrate the gradient along one path for each picture by Gauss-Legendre quadrature.

    While the completeness gap is above `tolerance`, the number of steps is doubled, up to
    `max_steps`.

    Parameters
    ----------
    context, target
        The network and its explained scalar.
    ends : pair of (N, ...) array
        Where the paths begin and end.
    paths : sequence of Path
        N paths.
    steps, max_steps : int
        Number of points on the path: at first, and at most.
    tolerance : float
        Largest gap, as a share of the change of the score; a larger one gets a warning.

    Returns
    -------
    Attribution
        (N, ...), signed, in score units; measures ``completeness_gap`` (relative, signed) and
        ``steps``.

    Raises
    ------
    UsageError
        If the numbers of steps make no sense.
    """
    if not 1 <= steps <= max_steps:
        raise UsageError(f"steps {steps} must be at least 1 and at most max_steps {max_steps}")
    start, end = ends
    scores = input_scores(context, np.concatenate([end, start]), target)
    change = scores[: len(end)] - scores[len(end) :]
    values = np.empty(end.shape, np.float64)
    gap, used = np.empty(len(end)), np.empty(len(end), np.int64)
    for n, path in enumerate(paths):  # each on its own, so that a batch changes no result
        used[n] = steps
        while True:
            values[n] = _along(context, path, target, used[n], end.shape[1:])
            gap[n] = (change[n] - values[n].sum()) / (change[n] if change[n] else 1.0)
            if abs(gap[n]) <= tolerance or 2 * used[n] > max_steps:
                break
            used[n] *= 2
    measures = {"completeness_gap": gap, "steps": used}
    warnings = gap_warnings(gap, tolerance, f"take more steps: max_steps={4 * max_steps}")
    return Attribution(values, input_axes(context), measures=measures, warnings=warnings)


def _along(
    context: Context, path: Path, target: Target, steps: int, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    name = context.network.image.name
    total = np.zeros(shape)
    for part in context.slices(steps):
        points, speeds = path((nodes[part] + 1) / 2)
        slopes = input_gradient(context, points, target).gradients[name]
        if len(speeds) == 1:
            total += speeds[0] * np.tensordot(weights[part] / 2, slopes, axes=1)
        else:
            total += np.einsum("k,k...->...", weights[part] / 2, slopes * speeds)
    return total
