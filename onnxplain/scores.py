"""From output tensors to class scores, on numpy arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.target import Activation, Target

_ACTIVATIONS: Mapping[Activation, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "none": lambda scores: scores,
    "softmax": lambda scores: scipy.special.softmax(scores, axis=1),
    "sigmoid": scipy.special.expit,
    "exp": np.exp,
}


def class_scores(
    values: NDArray[Any], classes: int, activation: Activation, tensor: str
) -> NDArray[np.float64]:
    """Scores of all classes from the values of an output tensor.

    Parameters
    ----------
    values : (N, ...) array
        The tensor, with K values for each input.
    classes : int
        K.
    activation : {"none", "softmax", "sigmoid", "exp"}
        What still has to be applied.
    tensor : str
        Its name, for the message.

    Returns
    -------
    (N, K) float64 array
        The scores.

    Raises
    ------
    NumericalError
        If a value is NaN or infinite.
    """
    flat = values.reshape(len(values), classes).astype(np.float64)
    if not np.isfinite(flat).all():
        raise NumericalError(
            f"the model's output tensor {tensor!r} holds {_count(flat)}; nothing can be explained: "
            "check the preprocessing (range, layout) and the model file"
        )
    return _ACTIVATIONS[activation](flat)


def target_scores(values: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return the explained scalar for each input, as an (N,) array; see `class_scores`."""
    return target.select(class_scores(values, target.classes, target.activation, target.tensor))


def _count(values: NDArray[np.float64]) -> str:
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    return " and ".join(f"{n} {what}" for n, what in ((nan, "NaN"), (infinite, "Inf")) if n)
