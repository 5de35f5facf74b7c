"""Saliency, gradient, gradient x input: one backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.registry import method
from onnxplain.network.context import Context, Derivatives, scores_by
from onnxplain.targets.target import Target


def input_axes(context: Context) -> tuple[str, ...]:
    """Axis meanings of one input, without the batch."""
    return tuple(context.network.image.layout[1:])


def input_gradient(context: Context, x: NDArray[Any], target: Target) -> Derivatives:
    """Derivative of the score with respect to the input, by the PyTorch engine."""
    name = context.network.image.name
    return context.gradients(x, target, [name])


def input_scores(context: Context, x: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return the score of the inputs, by the engine that gives the gradients, as (N,)."""
    return scores_by(context.engine(Capability.GRADIENTS), x, target)


@method(
    name="saliency",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="magnitude",
    summary="Largest absolute derivative of the score over a pixel's channels.",
    reference="Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 3",
    meaning="score per unit of model input; never negative: shows how strongly, not in which "
    "direction",
    class_discriminative=False,
    promises="",
    failures="noisy; blind where the network saturates; similar for different classes",
)
def saliency(context: Context, x: NDArray[Any], target: Target) -> Attribution:
    """M_ij = max over channels c of abs(dS/dx_ijc).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.

    Returns
    -------
    Attribution
        (N, H, W), not negative, in score units per unit of model input.
    """
    slope = input_gradient(context, x, target).gradients[context.network.image.name]
    return Attribution(np.abs(slope).max(axis=context.channel_axis), ("H", "W"))


@method(
    name="gradient",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    shows="where a larger value would raise the score (red) and where it would lower it (blue)",
    ends=("lowers", "raises"),
    summary="Derivative of the score with respect to every input value, with its sign.",
    reference="Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034, section 3",
    meaning="score per unit of model input; positive: a larger value raises the score",
    class_discriminative=True,
    promises="",
    failures="noisy; tells what a small change would do, not what is there; blind where the "
    "network saturates",
)
def gradient(context: Context, x: NDArray[Any], target: Target) -> Attribution:
    """R = dS/dx, element by element.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units per unit of model input.
    """
    slope = input_gradient(context, x, target).gradients[context.network.image.name]
    return Attribution(slope, input_axes(context))


@method(
    name="gradient-x-input",
    family="gradient",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="signed",
    summary="Derivative of the score times the input value.",
    reference="Shrikumar, Greenside, Shcherbina, Kundaje 2016, arXiv:1605.01713",
    meaning="score units; positive values support the target, relative to an input of zeros",
    class_discriminative=True,
    promises="sums to the score on networks without biases whose only non-linearity is ReLU",
    failures="noisy; depends on where the preprocessing puts zero (zero is not black)",
)
def gradient_x_input(context: Context, x: NDArray[Any], target: Target) -> Attribution:
    """R = x * dS/dx, element by element.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units.
    """
    slope = input_gradient(context, x, target).gradients[context.network.image.name]
    return Attribution(x * slope, input_axes(context))
