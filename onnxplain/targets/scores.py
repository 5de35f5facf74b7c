"""From output tensors to class scores, on numpy arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.targets.classes import Activation, Target

_ACTIVATIONS: Mapping[Activation, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "none": lambda scores: scores,
    "softmax": lambda scores: scipy.special.softmax(scores, axis=1),
    "sigmoid": scipy.special.expit,
    "exp": np.exp,
}


def class_scores(values: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Scores of all classes from the values of the tensor that a target reads.

    Parameters
    ----------
    values : (N, ...) array
        The tensor.
    target : Target
        Says where the K classes stand in it, and which activation is still to be applied.

    Returns
    -------
    (N, K) float64 array
        The scores.

    Raises
    ------
    NumericalError
        If a value is NaN or infinite.
    """
    flat = target.at_position(values).astype(np.float64)
    if not np.isfinite(flat).all():
        raise NumericalError(
            f"the model's output tensor {target.tensor!r} holds {_count(flat)}; nothing can be "
            "explained: check the preprocessing (range, layout) and the model file"
        )
    return _ACTIVATIONS[target.activation](flat)


def target_scores(values: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return the explained scalar for each input, as an (N,) array; see `class_scores`."""
    return target.select(class_scores(values, target))


def _count(values: NDArray[np.float64]) -> str:
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    return " and ".join(f"{n} {what}" for n, what in ((nan, "NaN"), (infinite, "Inf")) if n)
