"""What rounding does to a score: the picture is moved by its last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.network.network import Network
from onnxplain.targets.target import Target


def score_noise(network: Network, x: NDArray[Any], target: Target, score: float) -> float:
    """Measure how far rounding moves a score on one picture.

    Every number of the input is replaced by its neighbour above, then by that below, which no
    picture can tell from it. What the score moves by is rounding, and at least one step of the
    numbers that it is written in: a saturated probability does not move at all.

    Parameters
    ----------
    network : Network
        The model.
    x : array
        One input.
    target, score : Target, float
        What is explained, and its value there.
    """
    wide = x.dtype == np.float64
    moved = [float(np.spacing(abs(score) if wide else np.float32(abs(score))))]
    if np.issubdtype(x.dtype, np.floating):
        engine = network.adapter(Capability.FORWARD | Capability.ACTIVATIONS)
        for side in (-np.inf, np.inf):
            near = np.nextafter(x, np.asarray(side, x.dtype))
            found = float(target.score(engine.activations(near, target.tensors))[0])
            moved.append(abs(found - score))
    return max(moved)
