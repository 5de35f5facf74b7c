"""Guided backpropagation, deconvnet, and guided Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import upsample
from onnxplain.methods.gradients import input_axes
from onnxplain.methods.layer_gradient import NEEDS
from onnxplain.methods.registry import find, method
from onnxplain.network.context import Context
from onnxplain.network.map_spread import map_spread
from onnxplain.network.network import Network
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.relu_like import require_relu_like
from onnxplain.targets.target import Target

_SHOWS = "where a larger value would raise the score (red) or lower it (blue), filtered"
_FAILURES = (
    "shows the edges that the network detects rather than reasons for the class: it hardly "
    "changes when the upper layers are randomised (Adebayo et al. 2018, Nie et al. 2018)"
)


def _require_relu_like(how: Rectification) -> Callable[[Network], None]:
    def require(network: Network) -> None:
        require_relu_like(network.graph, network.image.name, network.head.logits, how)

    return require


@method(
    name="guided-backprop",
    family="gradient",
    needs=Capability.GRADIENTS | Capability.SIGNALS,
    explains="logit",
    display="signed",
    shows=_SHOWS,
    ends=("lowers", "raises"),
    summary="Gradient passed back only through active units that raise the score.",
    reference="Springenberg, Dosovitskiy, Brox, Riedmiller 2015, arXiv:1412.6806",
    meaning="score per unit of model input, filtered; positive: a larger value raises the score",
    class_discriminative=False,
    promises="",
    failures=_FAILURES,
    requires=_require_relu_like("guided"),
)
def guided_backprop(context: Context, x: NDArray[Any], target: Target) -> Attribution:
    """Gradient with relu(G) f'(x) in the place of f'(x) G at every ReLU-like activation.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units per unit of model input.

    Raises
    ------
    MethodRefusedError
        If the model has no ReLU-like activation.
    """
    return _rectified(context, x, target, "guided")


@method(
    name="deconvnet",
    family="gradient",
    needs=Capability.GRADIENTS | Capability.SIGNALS,
    explains="logit",
    display="signed",
    shows=_SHOWS,
    ends=("lowers", "raises"),
    summary="Gradient passed back through a ReLU at each activation: only what raises the score.",
    reference="Zeiler, Fergus 2014, arXiv:1311.2901, section 2.1",
    meaning="score per unit of model input, filtered; positive: a larger value raises the score",
    class_discriminative=False,
    promises="",
    failures=_FAILURES,
    requires=_require_relu_like("deconvnet"),
)
def deconvnet(context: Context, x: NDArray[Any], target: Target) -> Attribution:
    """Gradient with relu(G) in the place of f'(x) G at every ReLU-like activation.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units per unit of model input.

    Raises
    ------
    MethodRefusedError
        If the model has no ReLU-like activation.
    """
    return _rectified(context, x, target, "deconvnet")


@method(
    name="guided-grad-cam",
    family="cam",
    needs=NEEDS | Capability.SIGNALS,
    explains="logit",
    display="signed",
    shows=_SHOWS,
    ends=("lowers", "raises"),
    summary="Guided backpropagation, kept where Grad-CAM is positive.",
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017, arXiv:1610.02391",
    meaning="product of both maps; the size has no unit, the sign is that of guided "
    "backpropagation",
    class_discriminative=True,
    promises="",
    failures="fine detail comes from guided backpropagation, which hardly depends on the class",
    requires=_require_relu_like("guided"),
)
def guided_grad_cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Guided backpropagation times the bilinearly enlarged positive part of Grad-CAM.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer for Grad-CAM; chosen automatically if not given.

    Returns
    -------
    Attribution
        The shape of `x`, signed; note ``grad_cam_layer``.

    Raises
    ------
    MethodRefusedError
        If the model has no ReLU-like activation, or no layer with places.
    """
    fine = _rectified(context, x, target, "guided").values
    coarse = find("grad-cam").function(context, x, target, layer=layer)
    size = (x.shape[context.spatial_axes[0]], x.shape[context.spatial_axes[1]])
    spread = map_spread(context.network, coarse.layer)
    gates = np.stack([upsample(np.maximum(v, 0.0), size, spread) for v in coarse.values])
    gates = np.expand_dims(gates, context.channel_axis)
    notes = {"grad_cam_layer": coarse.layer}
    return Attribution(fine * gates, input_axes(context), notes=notes)


def _rectified(
    context: Context, x: NDArray[Any], target: Target, how: Rectification
) -> Attribution:
    name = context.network.image.name
    found = context.gradients(x, target, [name], rectify=how)
    return Attribution(found.gradients[name], input_axes(context))
