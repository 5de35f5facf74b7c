"""Class activation maps: CAM and Grad-CAM."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError
from onnxplain.explanation import Attribution
from onnxplain.graph.layers import SpatialLayer
from onnxplain.methods.registry import method
from onnxplain.network import Network
from onnxplain.subject import Subject
from onnxplain.target import Target

# A chosen layer may sit behind the last point where places still matter (behind the last
# attention, say): then its gradient is zero, and the candidate before it is tried.
_ATTEMPTS = 3


def _linear_head(network: Network) -> None:
    network.cam_head(network.layer(None))


@method(
    name="cam",
    family="cam",
    needs=Capability.FORWARD | Capability.ACTIVATIONS,
    explains="logit",
    display="positive",
    summary="Feature maps of the last layer, weighted by the class's row of the linear head.",
    reference="Zhou, Khosla, Lapedriza, Oliva, Torralba 2016, arXiv:1512.04150, equation 2",
    meaning="logit units per place; positive speaks for the target (pictures show the positive)",
    class_discriminative=True,
    promises="mean over the map plus the class's bias is the logit",
    failures="coarse: the grid of the last layer; needs global average pooling and one linear "
    "layer",
    requires=_linear_head,
)
def cam(
    subject: Subject, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """M_c(i, j) = sum over k of w_k^c A_k(i, j).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    layer : str, optional
        The feature maps; found automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in logit units; measure ``completeness_gap``: the logit minus
        (mean of the map + bias), relative to the logit.

    Raises
    ------
    MethodRefusedError
        If the head is not global average pooling and one linear layer, or the target is
        not a logit.
    """
    _require_logit("cam", target)
    network = subject.network
    place = network.layer(layer)
    head = network.cam_head(place)
    values = subject.engine(Capability.ACTIVATIONS).activations(x, [place.name, target.tensor])
    weight, bias = target.select(head.weight.T), target.select(head.bias[None])[0]
    maps = place.to_maps(values[place.name]).astype(np.float64)
    result = np.einsum("nkhw,k->nhw", maps, weight)
    logit = target.select(values[target.tensor].reshape(len(x), target.classes))
    gap = (logit - bias - result.mean(axis=(1, 2))) / np.where(logit == 0, 1.0, logit)
    return Attribution(result, ("H", "W"), layer=place.name, measures={"completeness_gap": gap})


@method(
    name="grad-cam",
    family="cam",
    needs=Capability.GRADIENTS | Capability.ACTIVATIONS,
    explains="logit",
    display="positive",
    summary="Feature maps of a layer, weighted by the mean gradient of the score.",
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017, arXiv:1610.02391, "
    "equations 1-2",
    meaning="score units up to a factor; positive speaks for the target (pictures show the "
    "positive part, as the paper does)",
    class_discriminative=True,
    promises="times the number of places it equals CAM where CAM applies",
    failures="coarse: the grid of the layer; averaging gradients can point beside the evidence",
)
def grad_cam(
    subject: Subject, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of mean_ij(dS/dA_k(i, j)) A_k, before the ReLU that pictures apply.

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    layer : str, optional
        The feature maps; found automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    """
    place, maps, slopes = layer_gradient(subject, x, target, layer)
    weights = slopes.mean(axis=(2, 3), dtype=np.float64)
    result = np.einsum("nkhw,nk->nhw", maps.astype(np.float64), weights)
    return Attribution(result, ("H", "W"), layer=place.name)


def layer_gradient(
    subject: Subject, x: NDArray[Any], target: Target, layer: str | None
) -> tuple[SpatialLayer, NDArray[Any], NDArray[Any]]:
    """Feature maps of a layer and the score's derivative, both as (N, C, h, w).

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    """
    network = subject.network
    first = network.layer(layer)
    candidates = [first] if layer is not None else network.layers[:_ATTEMPTS]
    engine = subject.engine(Capability.GRADIENTS)
    for place in candidates:
        found = engine.gradients(x, target, [place.name])
        slopes = place.to_maps(found.gradients[place.name])
        if np.any(slopes):
            return place, place.to_maps(found.values[place.name]), slopes
    tried = ", ".join(p.name for p in candidates)
    raise MethodRefusedError(
        f"the score's gradient is zero at every place of {tried}: the score does not depend on "
        "it, or the network saturates there; name an earlier layer with --layer"
    )


def _require_logit(name: str, target: Target) -> None:
    if target.kind != "logit":
        raise MethodRefusedError(f"{name} explains logits, not probabilities; use grad-cam")
