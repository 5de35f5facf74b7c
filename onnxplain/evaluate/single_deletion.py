"""Do the patches that a map ranks first do most when they are taken away alone?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.removal import Score, scored
from onnxplain.evaluate.similarity import spearman

# Patches along each side. Single pixels of a photo do nothing alone; more than 64 runs of the
# model for each map would make this the most expensive measure.
_SIDE = 8
# Multiples of what a float32 score rounds to; the ranks of smaller effects are those of rounding.
_ROUNDING = 16


def patches(height: int, width: int, side: int = _SIDE) -> NDArray[np.int64]:
    """Number of the patch that each pixel belongs to, (H, W), row by row from 0 on.

    Parameters
    ----------
    height, width : int
        Of the picture.
    side : int
        Patches along each side, as equal as whole pixels allow; at most one for each pixel.
    """
    down, across = min(side, height), min(side, width)
    rows = np.arange(height) * down // height
    columns = np.arange(width) * across // width
    return rows[:, None] * across + columns[None]


def single_deletion_correlation(
    score: Score,
    x: NDArray[Any],
    baseline: NDArray[Any],
    heatmap: NDArray[Any],
    channel_axis: int,
    *,
    batch_size: int = 16,
) -> float:
    """Rank correlation of the evidence in single patches with what their removal costs.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    x, baseline : (1, ...) array
        The input, and the values that stand for "removed".
    heatmap : (H, W) array
        Signed; its mean over a patch is the patch's evidence. The mean, not the sum: patches
        at the border may be a pixel smaller, and a flat map must rank none before another.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.
    batch_size : int
        Inputs scored at once; the result is not changed by it.

    Returns
    -------
    float
        Spearman correlation in [-1, 1]; 0 for a map that is constant.

    Raises
    ------
    NumericalError
        If no patch changes the score by more than rounding.

    References
    ----------
    Alvarez-Melis, Jaakkola 2018, arXiv:1806.07538 (single features, by Pearson);
    Hesse, Schaub-Meyer, Roth 2024, arXiv:2407.11910 (patches, by rank).
    """
    number = patches(*heatmap.shape)
    count = int(number.max()) + 1
    flat = number.ravel()
    evidence = np.bincount(flat, np.asarray(heatmap, np.float64).ravel()) / np.bincount(flat)
    placed = np.expand_dims(number[None], channel_axis)
    every = np.arange(count).reshape(-1, 1, 1, 1)

    def without(part: slice) -> NDArray[Any]:
        return np.where(placed == every[part], baseline, x)

    whole, scores = score(x), scored(score, without, count, batch_size)
    drops, largest = whole - scores, max(np.abs(whole).max(), np.abs(scores).max())
    if np.ptp(drops) <= _ROUNDING * np.finfo(np.float32).eps * largest:
        raise NumericalError(
            f"no single one of {count} patches changes the score by more than rounding, so their "
            "order says nothing about the map"
        )
    # Means of equal numbers over patches of two sizes round differently.
    return spearman(evidence, drops) if np.ptp(heatmap) else 0.0


def single_deletion(case: Case) -> float:
    """Rank correlation of a case's map with the drops of its score."""
    return single_deletion_correlation(
        case.score,
        case.picture.x,
        case.filled(case.settings.deleted),
        case.heatmap,
        case.context.channel_axis,
        batch_size=case.model.network.batch_size,
    )
