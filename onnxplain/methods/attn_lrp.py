"""Relevance propagation for transformers."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.lrp import propagated
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.relevance.composites import composite
from onnxplain.relevance.default import has_attention
from onnxplain.targets.target import Target

_FORMS = {"attn": "attn-lrp", "cp": "cp-lrp"}


def _require_attention(network: Network) -> None:
    if not has_attention(network.graph):
        raise MethodRefusedError(
            "attn-lrp is for networks with attention, and this one has none; use lrp"
        )


@method(
    name="attn-lrp",
    family="relevance",
    needs=Capability.RELEVANCE,
    explains="logit",
    display="signed",
    summary="The score, redistributed layer by layer, also through attention to values, queries "
    "and keys.",
    reference="Achtibat, Hatefi, Dreyer, Jain, Wiegand, Lapuschkin, Samek 2024, "
    "arXiv:2402.05602; form cp: Ali et al. 2022, arXiv:2202.07304",
    meaning="score units; positive values support the target",
    class_discriminative=True,
    promises="the sum is the score minus what biases and Softmax absorb; the share that arrives "
    "is reported",
    failures="Softmax and biases absorb relevance; the grid of patches is visible in the map",
    requires=_require_attention,
)
def attn_lrp(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    form: str = "attn",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    linear_gamma: float = 0.05,
    unknown: str = "refuse",
    at: str | None = None,
    channels: str | None = None,
) -> Attribution:
    """Relevance under the rules of AttnLRP, or with constant attention weights.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    form : str
        ``attn``, or ``cp``, where all relevance of attention goes to the values.
    epsilon : float
        Stabilizer of the epsilon rule.
    gamma, linear_gamma : float
        Extra weight of positive weights at convolutions (the patch embedding) and at linear
        layers; 0 is the epsilon rule.
    unknown, at, channels
        See `onnxplain.methods.lrp.lrp`.

    Returns
    -------
    Attribution
        See `onnxplain.methods.lrp.propagated`.

    Raises
    ------
    MethodRefusedError
        If the network has no attention, or an operator on the way no rule.
    UnknownNameError
        If there is no such form.
    """
    _require_attention(context.network)
    if form not in _FORMS:
        raise UnknownNameError("form of attn-lrp", form, _FORMS, f"forms: {', '.join(_FORMS)}")
    rules = composite(
        _FORMS[form], epsilon=epsilon, gamma=gamma, linear_gamma=linear_gamma, unknown=unknown
    )
    return propagated(context, x, target, rules, at=at, channels=channels)
