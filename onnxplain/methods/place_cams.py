"""Class activation maps that weight each place by itself: HiResCAM, XGrad-CAM, LayerCAM."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.layer_gradient import NEEDS, layer_gradient
from onnxplain.methods.promises import LARGEST_GROWTH
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.targets.target import Target

# As pytorch-grad-cam has it.
_STABILIZER = 1e-7


@method(
    name="hirescam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps times the gradient, place by place.",
    reference="Draelos, Carin 2020, arXiv:2011.08891",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="multiplied by the number of places, it equals CAM where CAM applies; with a linear "
    "head it shows only places that the score used",
    failures="coarse: has the layer's resolution; can be scattered in early layers",
)
def hirescam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of dS/dA_k(i, j) A_k(i, j).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    """
    spatial, maps, slopes = layer_gradient(context, x, target, layer)
    result = np.einsum("nkhw,nkhw->nhw", maps, slopes)
    return Attribution(result, ("H", "W"), layer=spatial.name)


@method(
    name="xgrad-cam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps weighted by the gradient, averaged in proportion to the map.",
    reference="Fu, Hu, Dong, Guo, Gao, Li 2020, arXiv:2008.02312",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="",
    failures="unstable where a map's positive and negative values cancel (layers without ReLU)",
)
def xgrad_cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of w_k A_k with w_k = sum_ij g_k A_k / sum_ij A_k, g = dS/dA.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    """
    spatial, a, g = layer_gradient(context, x, target, layer)
    sums = a.sum(axis=(2, 3)) + _STABILIZER
    weights = (g * a).sum(axis=(2, 3)) / sums
    result = np.einsum("nkhw,nk->nhw", a, weights)
    return Attribution(
        result, ("H", "W"), layer=spatial.name, warnings=_cancelled(a, sums, weights)
    )


def _cancelled(a: NDArray[Any], sums: NDArray[Any], weights: NDArray[Any]) -> tuple[str, ...]:
    """Warn when maps whose values cancel in their sum make up most of what is shown."""
    size = np.abs(a).sum(axis=(2, 3))
    cancels = size > LARGEST_GROWTH * np.abs(sums)
    brought = np.abs(weights) * size
    share = (brought * cancels).sum(axis=1) / np.maximum(brought.sum(axis=1), np.finfo(float).tiny)
    if share.max() <= 0.5:
        return ()
    return (
        f"{100 * share.max():.3g} % of the map comes from feature maps whose values cancel to less "
        f"than 1/{LARGEST_GROWTH:g} in the sum that the weight is divided by; use grad-cam or "
        "hirescam",
    )


@method(
    name="layercam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps times the positive part of the gradient, place by place.",
    reference="Jiang, Zhang, Hou, Cheng, Wei 2021, doi:10.1109/TIP.2021.3089943",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="",
    failures="ignores evidence against the class; fine-grained in early layers, coarse in late "
    "ones",
)
def layercam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of relu(dS/dA_k(i, j)) A_k(i, j).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    """
    spatial, maps, slopes = layer_gradient(context, x, target, layer)
    gates = np.maximum(slopes, 0.0)
    result = np.einsum("nkhw,nkhw->nhw", maps, gates)
    return Attribution(result, ("H", "W"), layer=spatial.name)
