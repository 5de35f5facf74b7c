"""Deep Taylor decomposition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UnknownNameError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.lrp import propagated
from onnxplain.methods.registry import method
from onnxplain.methods.relevance_promises import deep_taylor_warnings
from onnxplain.network.context import Context
from onnxplain.relevance.composites import composite
from onnxplain.targets.target import Target

_FIRST = {"z-box": "deep-taylor", "w-square": "deep-taylor-unbounded"}


@method(
    name="deep-taylor",
    family="relevance",
    needs=Capability.RELEVANCE,
    explains="logit",
    against_others=False,
    display="positive",
    shows="only positive relevance: how much the score depends on it. Evidence against the target "
    "is not distinguished",
    ends=("none", "much of the score"),
    summary="Each input's share of the score, from Taylor expansions of each neuron at a nearby "
    "root.",
    reference="Montavon, Lapuschkin, Binder, Samek, Müller 2017, arXiv:1512.02479",
    meaning="score units; never negative for a positive score: shows how much, not in which "
    "direction",
    class_discriminative=False,
    promises="the sum is the score minus what biases absorb; the share that arrives is reported",
    failures="designed for ReLU networks with positive scores; classes that share features look "
    "alike; biases after dead ReLUs absorb relevance",
)
def deep_taylor(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    first: str = "z-box",
    zero_bias: bool = False,
    unknown: str = "refuse",
    at: str | None = None,
    channels: str | None = None,
) -> Attribution:
    """Relevance by z-plus everywhere, and a rule for the input's domain at the first layer.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    first : str
        ``z-box`` for pixels, whose bounds come from the preprocessing; ``w-square`` for
        inputs without bounds.
    zero_bias : bool
        Biases absorb nothing at z-plus.
    unknown, at, channels
        See `onnxplain.methods.lrp.lrp`.

    Returns
    -------
    Attribution
        See `onnxplain.methods.lrp.propagated`.

    Raises
    ------
    UnknownNameError
        If there is no such first rule.
    """
    if first not in _FIRST:
        raise UnknownNameError("first rule", first, _FIRST, f"first: {', '.join(_FIRST)}")
    rules = composite(_FIRST[first], zero_bias=zero_bias, unknown=unknown)
    found = propagated(context, x, target, rules, at=at, channels=channels)
    if channels is not None or found.warnings:
        return found
    complete = zero_bias and first == "z-box"
    conservation = found.measures["conservation"]
    own = deep_taylor_warnings(found.values, conservation, complete=complete)
    return replace(found, warnings=own)
