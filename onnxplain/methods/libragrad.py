"""LibraGrad: input times a gradient whose flow through a transformer is balanced."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.lrp import propagated
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.relevance.composites import balanced
from onnxplain.targets.target import Target


@method(
    name="libragrad",
    family="relevance",
    needs=Capability.RELEVANCE,
    explains="logit",
    display="signed",
    summary="Input times gradient, with attention weights, gates and deviations held constant on "
    "the way back.",
    reference="Mehri, Baghshah, Pilehvar 2025, arXiv:2411.16760 (Libra Input x Grad)",
    meaning="score units; positive values support the target",
    class_discriminative=True,
    promises="the sum is the score minus what biases absorb; the share that arrives is reported; "
    "up to a stabilizer the same as attn-lrp with form=cp, gamma=0, linear_gamma=0",
    failures="says nothing of what attention looks for, since its weights are constants; biases "
    "absorb part of the score; noisy pixel by pixel",
)
def libragrad(
    context: Context, x: NDArray[Any], target: Target, *, unknown: str = "refuse"
) -> Attribution:
    """R = x * g, with g the derivative of the score through balanced operators.

    Backward paths are cut where a signal multiplies itself: at attention weights, at the gate of
    GELU, SiLU and the like (x times a constant), and at the deviation of a normalisation. A product
    of two other signals gives half to each. The score itself stays what it is.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    unknown : str
        At an operator without rule: ``refuse``, ``pass`` or ``gradient``.

    Returns
    -------
    Attribution
        See `onnxplain.methods.lrp.propagated`.

    Raises
    ------
    MethodRefusedError
        If an operator on the way has no rule.
    UnknownNameError
        If `unknown` is not one of its choices.
    """
    return propagated(context, x, target, balanced(unknown))
