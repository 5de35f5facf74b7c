"""Which regions are kept: random choices, all choices, and the scores of the pictures so made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.network.context import Context
from onnxplain.perturb.masks import under_masks
from onnxplain.targets.target import Target

# Scores of (M, regions) choices.
Scores = Callable[[NDArray[np.bool_]], NDArray[np.float64]]


def independent(random: np.random.Generator, count: int, regions: int) -> NDArray[np.bool_]:
    """(count, regions) choices that keep each region with probability one half."""
    return random.random((count, regions)) < 0.5


def shapley_pairs(random: np.random.Generator, count: int, regions: int) -> NDArray[np.bool_]:
    """(count, regions) choices from the Shapley kernel, each followed by its complement.

    The number of kept regions s is drawn in proportion to 1 / (s (K - s)), then which ones
    (Lundberg, Lee 2017, theorem 2). Complements remove half of the sampling error (Covert,
    Lee 2021, arXiv:2012.01536, section 4).
    """
    sizes = np.arange(1, regions)
    cumulated = np.cumsum(1.0 / (sizes * (regions - sizes)))
    pairs = count // 2
    drawn = sizes[np.searchsorted(cumulated / cumulated[-1], random.random(pairs))]
    ranks = random.random((pairs, regions)).argsort(axis=1).argsort(axis=1)
    kept = ranks < drawn[:, None]
    return np.stack([kept, ~kept], axis=1).reshape(count, regions)


def every(regions: int) -> NDArray[np.bool_]:
    """(2^regions, regions) choices; bit i of the row's number is region i."""
    return (np.arange(2**regions)[:, None] >> np.arange(regions)) % 2 == 1


def score_coalitions(
    context: Context,
    target: Target,
    x: NDArray[Any],
    absent: NDArray[Any],
    labels: NDArray[np.int64],
    kept: NDArray[Any],
) -> NDArray[np.float64]:
    """Scores of one input of which only some regions are kept, in batches.

    Parameters
    ----------
    context, target
        The network and its explained scalar.
    x, absent : (C, H, W) or (H, W, C) array
        The input, and what stands in the regions that are not kept.
    labels : (H, W) int array
        Region of each pixel.
    kept : (M, regions) array
        The choices: 0 or False, 1 or True; numbers between are mixtures.

    Returns
    -------
    (M,) array
    """
    size = context.batch_size
    scores = []
    for first in range(0, len(kept), size):
        # `take` lays the masks out one after the other; an index would interleave them.
        masks = np.take(kept[first : first + size].astype(np.float32), labels, axis=1)
        scores.append(context.score(under_masks(context, x, absent, masks), target))
    return np.concatenate(scores)
