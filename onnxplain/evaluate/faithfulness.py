"""Do the numbers of an attribution predict what the score does?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.evaluate.removal import Score


def completeness_gap(attribution: NDArray[Any], score: float, baseline_score: float) -> float:
    """How far the attribution is from adding up to the change of the score.

    Returns
    -------
    float
        ``|sum - (score - baseline score)| / |score - baseline score|``; infinite where the
        score does not change but the attribution says so.

    References
    ----------
    Sundararajan, Taly, Yan 2017, arXiv:1703.01365, proposition 1.
    """
    change = score - baseline_score
    gap = abs(float(np.sum(attribution, dtype=np.float64)) - change)
    if change == 0:
        return 0.0 if gap == 0 else float("inf")
    return gap / abs(change)


def sensitivity_n(
    score: Score,
    x: NDArray[Any],
    baseline: NDArray[Any],
    heatmap: NDArray[Any],
    channel_axis: int,
    rng: np.random.Generator,
    *,
    sizes: Sequence[int] | None = None,
    samples: int = 50,
) -> dict[int, float]:
    """Correlate the attribution of random sets of n pixels with the effect of removing them.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    x, baseline : (1, ...) array
        The input, and the values that stand for "removed".
    heatmap : (H, W) array
        Signed attribution per pixel, channels summed.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.
    rng : numpy.random.Generator
        Draws the sets.
    sizes : sequence of int, optional
        The n; six of them, from one pixel to 80 % of all in equal ratios, if not given.
    samples : int
        Sets per size.

    Returns
    -------
    dict of int to float
        Pearson correlation for each n, in [-1, 1]; 0 where one side does not vary.

    References
    ----------
    Ancona et al. 2018, arXiv:1711.06104, section 5.
    """
    pixels = heatmap.size
    if sizes is None:
        sizes = sorted({int(n) for n in np.geomspace(1, max(1, 0.8 * pixels), 6)})
    flat = np.asarray(heatmap, np.float64).ravel()
    base = float(score(x)[0])
    found = {}
    for n in sizes:
        sets = np.zeros((samples, pixels), bool)
        for row in sets:
            row[rng.choice(pixels, n, replace=False)] = True
        sums = sets @ flat
        gone = np.expand_dims(sets.reshape(samples, *heatmap.shape), channel_axis)
        drops = base - score(np.where(gone, baseline, x))
        found[int(n)] = _pearson(sums, drops)
    return found


def infidelity(
    score: Score,
    x: NDArray[Any],
    attribution: NDArray[Any],
    changes: NDArray[Any],
    *,
    scaled: bool = False,
) -> float:
    """Mean squared error of an attribution as a linear prediction of the score's change.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    x : (1, ...) array
        The input.
    attribution : (...) array
        In the shape of one input. An attribution per unit of input (a gradient) is
        expected; that of a method which multiplies with the input has to be divided by it.
    changes : (N, ...) array
        What is subtracted from the input: squares that fall to a baseline, or noise.
    scaled : bool
        Multiply the attribution with the factor that fits best, first: maps of other units
        can be compared then.

    Returns
    -------
    float
        Squared score units; 0 is perfect.

    References
    ----------
    Yeh et al. 2019, arXiv:1901.09392, definition 2.1 and section 3.
    """
    weights = np.asarray(attribution, np.float64).ravel()
    predicted = changes.reshape(len(changes), -1).astype(np.float64) @ weights
    happened = score(x)[0] - score((x - changes).astype(x.dtype))
    if scaled:
        norm = float(predicted @ predicted)
        predicted = predicted * (float(predicted @ happened) / norm if norm else 0.0)
    return float(np.mean((predicted - happened) ** 2))


def unexplained(
    score: Score,
    x: NDArray[Any],
    baseline: NDArray[Any],
    heatmap: NDArray[Any],
    channel_axis: int,
    rng: np.random.Generator,
    *,
    samples: int = 50,
) -> float:
    """How badly summed evidence predicts what squares do to the score, next to their area.

    This is `infidelity` with squares that fall to a baseline, the evidence in them for the
    prediction, and the scale that fits best; divided by that of a map which is the same
    everywhere, because larger squares do more whatever they cover.

    Parameters
    ----------
    score, x, baseline, heatmap, channel_axis, rng
        See `sensitivity_n`.
    samples : int
        Number of squares, of a tenth to half of the shorter side, anywhere.

    Returns
    -------
    float
        0 for a perfect map, 1 where it says no more than the area of the squares, or where
        nothing happens at all.

    References
    ----------
    Yeh et al. 2019, arXiv:1901.09392, sections 3.2 and 3.4.
    """
    height, width = heatmap.shape
    squares = np.zeros((samples, height, width), bool)
    for square in squares:
        side = max(1, round(min(height, width) * rng.uniform(0.1, 0.5)))
        row, column = rng.integers(height - side + 1), rng.integers(width - side + 1)
        square[row : row + side, column : column + side] = True
    happened = score(x)[0] - score(np.where(np.expand_dims(squares, channel_axis), baseline, x))
    flat = squares.reshape(samples, -1)

    def error(weights: NDArray[np.float64]) -> float:
        predicted = flat @ weights
        norm = float(predicted @ predicted)
        fitted = float(predicted @ happened) ** 2 / norm if norm else 0.0
        return max(0.0, float(happened @ happened) - fitted)

    chance = error(np.ones(heatmap.size))
    return error(np.asarray(heatmap, np.float64).ravel()) / chance if chance else 1.0


def _pearson(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(scipy.stats.pearsonr(first, second).statistic)
