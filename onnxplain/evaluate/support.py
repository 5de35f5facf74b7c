"""Where two maps of something local can be compared by ranks.

The map of a box, of a place or of an element of a tensor fades with the distance, and is zero
where nothing is seen. Any two such maps agree on that, whatever the weights: over the whole
picture, ranks of independent noise under one such fading agree by .9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target
from onnxplain.targets.values import ValueScore

# Of the sum of magnitudes. Less, and pixels that are small in one map alone weigh too much: that
# takes ranks of unrelated maps below zero (by .12 here, for normal noise without any fading).
_SHARE = 0.95


def is_local(target: Target) -> bool:
    """Whether a target is computed at a place: a box, a place of an answer, an element."""
    if isinstance(target, ClassScore):
        return bool(target.position)
    # An element of a tensor is no value that the answer lists.
    element = isinstance(target, ValueScore) and target.row is None
    return element or isinstance(target, BoxNumber | BoxMatch)


def common_support(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels that hold most of the magnitude of either map, the strongest first."""
    return _support(first) | _support(second)


def _support(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    size = np.abs(values)
    order = np.argsort(-size, axis=None, kind="stable")
    held = np.cumsum(size.ravel()[order])
    count = int(np.searchsorted(held, _SHARE * held[-1])) + 1 if held[-1] else 0
    found = np.zeros(size.size, bool)
    found[order[:count]] = True
    return found.reshape(size.shape)
