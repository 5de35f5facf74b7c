"""Class activation mapping: the linear head, read at every place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.quantised import real_values
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.targets.classes import Target
from onnxplain.targets.scores import class_scores


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
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """M_c(i, j) = sum over k of w_k^c A_k(i, j).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
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
    network = context.network
    place = network.layer(layer)
    head = network.cam_head(place)
    values = context.engine(Capability.ACTIVATIONS).activations(x, [place.name, target.tensor])
    scores = class_scores(values[target.tensor], target)
    # The largest other class of a margin is another one for another picture.
    mixed = target.coefficients(scores)
    maps = place.to_maps(real_values(network.graph, place.name, values[place.name]))
    result = np.einsum("nchw,nk,kc->nhw", maps, mixed, head.weight, optimize=True)
    logit, bias = target.select(scores), mixed @ head.bias
    gap = (logit - bias - result.mean(axis=(1, 2))) / np.where(logit == 0, 1.0, logit)
    return Attribution(result, ("H", "W"), layer=place.name, measures={"completeness_gap": gap})


def _require_logit(name: str, target: Target) -> None:
    if target.kind != "logit":
        raise MethodRefusedError(f"{name} explains logits, not probabilities; use grad-cam")
