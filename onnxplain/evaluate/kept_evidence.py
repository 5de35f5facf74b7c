"""What does the model say of a picture of which only the map's evidence is left?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case


def kept(
    x: NDArray[Any], absent: NDArray[Any], heatmap: NDArray[Any], channel_axis: int
) -> NDArray[Any]:
    """Fade an input to "absent" where a map has no positive evidence.

    Parameters
    ----------
    x, absent : (1, ...) array
        The input, and the values that stand for "nothing to see".
    heatmap : (H, W) array
        The map. Its positive values, divided by the largest, are the shares of the picture that
        stay; a map without any keeps nothing.
    channel_axis : int
        Position of the channels in the inputs: 1 or 3.

    Returns
    -------
    (1, ...) array
        With `absent` black, the product of map and picture of the paper.
    """
    positive = np.maximum(np.asarray(heatmap, np.float64), 0)
    largest = positive.max(initial=0.0)
    shares = np.expand_dims((positive / largest if largest else positive)[None], channel_axis)
    base = absent.astype(np.float64)
    faded: NDArray[Any] = (base + shares * (x.astype(np.float64) - base)).astype(x.dtype)
    return faded


def average_drop(case: Case) -> float:
    """Share of the probability that is lost when the map's evidence alone is left.

    Returns
    -------
    float
        In [0, 1]; a picture whose probability rises has 0.

    Raises
    ------
    NumericalError
        If the score is no probability, or the emptied picture has as much of it as the whole.

    References
    ----------
    Chattopadhay et al. 2018, arXiv:1710.11063 (objective evaluation).
    """
    whole, left = case.once(_probabilities)
    return max(0.0, whole - left) / whole


def increase(case: Case) -> float:
    """1 if the probability rises when the map's evidence alone is left, else 0.

    Raises
    ------
    NumericalError
        As of `average_drop`.

    References
    ----------
    Chattopadhay et al. 2018, arXiv:1710.11063 (objective evaluation).
    """
    whole, left = case.once(_probabilities)
    return float(left > whole)


def _probabilities(case: Case) -> tuple[float, float]:
    if not case.target.is_probability:
        raise NumericalError(
            f"a drop is a share of a probability, and the score is of unit {case.target.unit!r}; "
            "choose deletion or insertion"
        )
    x, absent = case.picture.x, case.filled(case.settings.deleted)
    score: Callable[[NDArray[Any]], NDArray[np.float64]] = case.score
    whole, empty = float(score(x)[0]), float(score(absent)[0])
    if empty >= whole:
        raise NumericalError(
            f"the emptied picture has the probability {empty:.3g}, the whole one {whole:.3g}, so "
            "that what is left of the picture says nothing about the map"
        )
    left = kept(x, absent, case.heatmap, case.context.channel_axis)
    return whole, float(score(left)[0])
