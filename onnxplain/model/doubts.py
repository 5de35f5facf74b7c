"""Maps that show nothing, or one side only: what is wrong with them, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.display import reduce_channels
from onnxplain.methods import Method
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

# Share of a map's magnitude that speaks against its target, from which on it is called one-sided.
# The maps of predicted classes on five models have 0 to 54 %, those of a logit with a common part
# 76 to 100 % (docs/reading.md).
ONE_SIDED = 0.75
# Both scores of a difference are rounded.
_SCORES = 2.0


def map_warnings(
    method: Method,
    values: NDArray[Any],
    axes: tuple[str, ...],
    target: Target,
    noise: Callable[[float], float] | None = None,
    competing: bool = True,
    has_logits: bool = True,
) -> tuple[str, ...]:
    """Say that a map shows nothing, only one side, or nothing but rounding.

    Parameters
    ----------
    method : Method
        What made it.
    values : array
        The attribution of one picture.
    axes : tuple of str
        Meaning of its axes.
    target : Target
        What was explained.
    noise : callable, optional
        Takes the map's largest number, and returns what rounding does to the explained score on
        this picture; given where the method's numbers are differences of such scores.
    competing : bool
        Whether the classes of the model compete.
    has_logits : bool
        Whether the model holds logits before its probabilities.
    """
    flat = reduce_channels(values, axes)
    size, largest = float(np.abs(flat).sum()), float(np.abs(flat).max())
    ways = _remedy(method, target, competing, has_logits)
    if size == 0:
        return (f"the map is zero everywhere: nothing that it measures changes the score; {ways}",)
    if noise is not None and largest <= _SCORES * (moved := noise(largest)):
        return (
            f"the map is rounding noise: its largest number is {largest:.2g}, and rounding alone "
            f"changes the score by {moved:.2g}; {ways}",
        )
    against = float(np.maximum(-flat, 0.0).sum()) / size
    if method.display == "positive" and against == 1:
        return (
            "the picture is empty: all values of the map are negative, and the picture shows "
            f"positive values only; {ways}",
        )
    meant = method.ends[1] == "for" and isinstance(target, ClassScore)
    if meant and method.display != "magnitude" and against >= ONE_SIDED:
        unseen = ", which the picture does not show" if method.display == "positive" else ""
        return (f"{100 * against:.0f} % of the map is evidence against the target{unseen}; {ways}",)
    return ()


def _remedy(method: Method, target: Target, competing: bool, has_logits: bool) -> str:
    """What to do next, in the words of the command line."""
    ways = []
    if isinstance(target, ClassScore) and target.is_probability and has_logits:
        ways.append("explain the logit (--kind logit), since a probability may be saturated")
    elif isinstance(target, ClassScore) and target.is_probability:
        ways.append("export the model with its logits, since a probability may be saturated")
        if "window" in method.parameters:
            ways.append("cover more at a time (-p window=N)")
    elif isinstance(target, ClassScore) and competing and target.classes > 1:
        if target.is_plain and method.score(None)["others"]:
            ways.append("drop --kind")
        if target.is_plain or target.others:
            ways.append("compare it with another class (--contrast CLASS)")
    if method.takes_layer:
        ways.append("read another layer (--layer)")
    other = "lrp" if method.name == "occlusion" else "occlusion"
    ways.append(f"compare with another method (-m {other})")
    return f"try: {'; '.join(ways)}"
