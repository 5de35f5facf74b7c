"""Remove and debias: does the score follow when pixels are imputed in the order of a map?

Blackened pixels show where the map is, and a model may answer to that shape. Imputed ones,
with a little noise, do not: in the paper the order of methods then hardly depends on whether
the strongest or the weakest pixels go first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.removal import Curve, Score, ranks, scored
from onnxplain.perturb.impute import impute

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Standard deviation of the noise, of the input's range; as in the authors' code.
_NOISE = 0.01


def road_curve(
    score: Score,
    x: NDArray[Any],
    heatmap: NDArray[Any],
    channel_axis: int,
    rng: np.random.Generator,
    *,
    noise: NDArray[Any] | float,
    batch_size: int = 16,
) -> Curve:
    """Scores of a picture of which more and more pixels are imputed.

    Parameters
    ----------
    score : callable
        Scores of a batch of inputs.
    x : (1, ...) array
        The input.
    heatmap : (H, W) array
        The pixels with the largest values are imputed first, equal ones by position.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.
    rng : numpy.random.Generator
        Draws the noise, once for all shares.
    noise : float or array
        Standard deviation of the noise on imputed pixels; broadcasts to `x`.
    batch_size : int
        Inputs scored at once; the result is not changed by it.

    Returns
    -------
    Curve
        From no pixel to 90 % of them. Its number is the mean of the scores at 10 % to 90 %.

    References
    ----------
    Rong et al. 2022, arXiv:2202.00449.
    """
    rank = ranks(heatmap)
    drawn = np.moveaxis((noise * rng.normal(size=x.shape))[0], channel_axis - 1, -1)
    picture = np.moveaxis(x[0], channel_axis - 1, -1)
    inputs = [x]
    for share in SHARES:
        removed = rank < round(share * rank.size)
        filled = impute(picture, removed) + np.where(removed[..., None], drawn, 0.0)
        inputs.append(np.moveaxis(filled, -1, channel_axis - 1)[None].astype(x.dtype))
    scores = scored(score, lambda part: np.concatenate(inputs[part]), len(inputs), batch_size)
    return Curve(np.array([0.0, *SHARES]), scores, float(scores[1:].mean()))


def most_relevant_first(case: Case) -> Curve:
    """Scores while the strongest pixels of a case's map are imputed first.

    Raises
    ------
    NumericalError
        If the score does not fall when nine of ten pixels are imputed at random.
    """
    return _of_case(case, case.heatmap)


def least_relevant_first(case: Case) -> Curve:
    """Scores while the weakest pixels are imputed first.

    Raises
    ------
    NumericalError
        As of `most_relevant_first`.
    """
    return _of_case(case, -case.heatmap)


def _of_case(case: Case, heatmap: NDArray[np.float64]) -> Curve:
    # The same question for every map of the picture, so that none is left out alone.
    blind = case.once_of_picture(_blind).scores
    if blind[-1] >= blind[0]:
        raise NumericalError(
            f"with nine of ten pixels imputed at random the picture scores {blind[-1]:.3g}, the "
            f"whole one {blind[0]:.3g}, so that the order of the pixels says nothing about the map"
        )
    return _curve(case, heatmap)


def _blind(case: Case) -> Curve:
    """Scores while pixels are imputed in an order by chance."""
    return _curve(case, case.stream(3).random(case.heatmap.shape))


def _curve(case: Case, heatmap: NDArray[np.float64]) -> Curve:
    low, high = case.model.preprocess.bounds()
    return road_curve(
        case.score,
        case.picture.x,
        heatmap,
        case.context.channel_axis,
        case.stream(2),
        noise=_NOISE * (high.astype(np.float64) - low),
        batch_size=case.model.network.batch_size,
    )
