"""Targets that do not move: a Softmax or Sigmoid that is saturated at the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NoSlopeError, NumericalError
from onnxplain.explanations.contents import PROBABILITY_MOVES
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.picture import Picture
from onnxplain.methods import Method
from onnxplain.model.opened import OpenedModel
from onnxplain.network.network import Network
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.likeness import Likeness
from onnxplain.targets.request import TargetRequest
from onnxplain.targets.target import Target

# Below, numbers of single and double precision lose digits, and products of them vanish.
_VANISHED = {"single": 1e-30, "double": 1e-290}
# A map of a probability without any number as large as this shows next to nothing: the decision
# is nowhere near another one (docs/decisions/031-default-target.md).
STILL = 1e-3


def instead(model: OpenedModel, picture: Picture, found: Explanation) -> Target | None:
    """Return the logit of a class whose probability hardly moves; ``None`` if it moves enough.

    Parameters
    ----------
    model : OpenedModel
        What was explained.
    picture : Picture
        On which picture.
    found : Explanation
        A map of differences of the probability.
    """
    aim = found.target
    if not isinstance(aim, ClassScore) or not aim.is_probability or not model.network.has_logits:
        return None
    if aim.position or aim.region or np.abs(found.attribution).max(initial=0.0) >= STILL:
        return None
    request = TargetRequest(index=aim.index, negative=aim.negative)
    return model.target(request, model.predict(picture), picture=picture, others=True)


def saturated(
    method: Method, network: Network, target: Target, score: float
) -> NoSlopeError | None:
    """Say that a target has no slope at the picture, if that can be why a map is empty.

    Parameters
    ----------
    method : Method
        What was run.
    network : Network
        The model.
    target, score : Target, float
        What is explained, and its value.

    Returns
    -------
    NoSlopeError or None
        ``None`` if the method takes no slopes, or the target is linear in what is read: a logit
        or a value.
    """
    if not method.takes_slopes:
        return None
    if isinstance(target, Likeness):
        return NoSlopeError(
            f"the {target.describe()} is {score:.6g}, where its gradient is zero everywhere: both "
            "vectors point the same way; use a method without gradients (occlusion, lrp)"
        )
    if not isinstance(target, ClassScore):
        return None
    if target.kind == "logit" or (target.kind == "raw" and not network.answer.probability):
        return None
    way = (
        "explain its logit (--kind logit)"
        if network.has_logits
        else "use a method without gradients (occlusion)"
    )
    return NoSlopeError(
        f"the {target.unit} of {target.describe()} is {score:.6g}, where its gradient is zero "
        f"everywhere: the last activation is saturated; {way}"
    )


def noted(found: Explanation, still: Explanation) -> Explanation:
    """Say in a map of the logit that it replaces one of a probability that hardly moves."""
    moves = float(np.abs(still.attribution).max(initial=0.0))
    return replace(found, notes={**found.notes, PROBABILITY_MOVES: moves})


def vanishes(values: NDArray[Any], precision: str) -> bool:
    """Whether a map is zero everywhere, as far as its numbers can tell."""
    return bool(np.abs(values).max(initial=0.0) < _VANISHED[precision])


def require_finite(method: Method, values: NDArray[Any], target: Target) -> None:
    """Refuse a map that is no map.

    Raises
    ------
    NumericalError
        If a number is NaN or infinite.
    """
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise NumericalError(
            f"{method.name} of {target.describe()} holds {bad} numbers of {values.size} that are "
            "NaN or infinite: its gradient is not finite there; use a method without gradients "
            "(occlusion)"
        )
