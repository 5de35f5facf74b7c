"""Grad-CAM and the two methods that only weight its maps differently."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.layer_gradient import NEEDS, layer_gradient
from onnxplain.methods.promises import LARGEST_GROWTH
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.targets.target import Target


@method(
    name="grad-cam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps of a layer, weighted by the mean gradient of the score.",
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017, arXiv:1610.02391, "
    "equations 1-2",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="multiplied by the number of places, it equals CAM where CAM applies",
    failures="coarse: has the layer's resolution; averaging gradients can point next to the "
    "evidence",
)
def grad_cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of mean_ij(dS/dA_k(i, j)) A_k, before the ReLU that pictures apply.

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
    weights = slopes.mean(axis=(2, 3))
    result = np.einsum("nkhw,nk->nhw", maps, weights)
    return Attribution(result, ("H", "W"), layer=spatial.name)


@method(
    name="counterfactual-grad-cam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    shows="only evidence against the target: without it, the score would be higher",
    ends=("no evidence", "against"),
    summary="Feature maps weighted by the negative mean gradient: evidence against the target.",
    reference="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra 2017, arXiv:1610.02391",
    meaning="score units up to a factor; positive values oppose the target: removing them would "
    "raise its score",
    class_discriminative=True,
    promises="equals Grad-CAM of the negative score",
    failures="coarse; evidence against a class can be any other object, or nothing in particular",
)
def counterfactual_grad_cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """Sum over k of mean_ij(-dS/dA_k(i, j)) A_k, before the ReLU that pictures apply.

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
    weights = -slopes.mean(axis=(2, 3))
    result = np.einsum("nkhw,nk->nhw", maps, weights)
    return Attribution(result, ("H", "W"), layer=spatial.name)


@method(
    name="grad-cam++",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps weighted by positive gradients, with a separate weight for each place.",
    reference="Chattopadhay, Sarkar, Howlader, Balasubramanian 2018, arXiv:1710.11063",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="",
    failures="its weights assume that second derivatives are zero, which is true of ReLU networks "
    "and an approximation elsewhere (GELU, SiLU)",
)
def grad_cam_plus_plus(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    stabilizer: float = 0.0,
) -> Attribution:
    """Sum over k of w_k A_k with w_k = sum_ij alpha_k(i, j) relu(g_k(i, j)).

    g is dS/dA and alpha = g^2 / (2 g^2 + sum_ab A(a, b) g^3) = 1 / (2 + sum_ab A(a, b) g), zero
    where g is zero. The paper writes it for exp(S); the factor exp(S) cancels in alpha and
    scales the map otherwise.

    The denominator can only vanish where a feature map's sum is negative, which the paper's
    ReLU layers do not have. At its zero, alpha has no value, and the place gets no weight;
    beyond it, alpha is negative. A warning says so.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    stabilizer : float
        Added to 2 g^2 + sum A g^3. The paper has none; 1e-6 gives the maps of the library
        pytorch-grad-cam, where it outweighs small gradients.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    UsageError
        If the stabilizer is negative.
    """
    if not stabilizer >= 0:
        raise UsageError(f"stabilizer must be 0 or more, not {stabilizer}")
    spatial, a, g = layer_gradient(context, x, target, layer)
    divisor = 2 + a.sum(axis=(2, 3), keepdims=True) * g
    beyond = (g > 0) & (divisor <= 2 / LARGEST_GROWTH)
    if stabilizer:
        # Where g^2 vanishes in float64, the stabilizer is all there is.
        power = np.where(g == 0, 0.0, g**2)
        numerator, divisor = power, power * divisor + stabilizer
    else:
        numerator = np.ones_like(g)
    usable = (g != 0) & (divisor != 0)
    alpha = np.where(usable, numerator / np.where(usable, divisor, 1.0), 0.0)
    weights = (alpha * np.maximum(g, 0.0)).sum(axis=(2, 3))
    result = np.einsum("nkhw,nk->nhw", a, weights)
    return Attribution(result, ("H", "W"), layer=spatial.name, warnings=_poles(beyond, g))


def _poles(beyond: NDArray[np.bool_], g: NDArray[Any]) -> tuple[str, ...]:
    """Warn of places at which the weight's denominator is zero or negative."""
    if not beyond.any():
        return ()
    share = beyond.sum() / (g > 0).sum()
    return (
        f"at {100 * share:.3g} % of the places with a positive gradient, 2 + sum(A) g cancels to "
        "zero or is negative, so alpha is not a weight there: the layer's maps have negative sums, "
        "unlike the ReLU layers of the paper; use grad-cam or hirescam, or another --layer",
    )
