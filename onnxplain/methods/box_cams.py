"""Class activation maps of one box of a detector: G-CAME and ODAM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NoSlopeError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.box_targets import as_box, require_boxes
from onnxplain.methods.grad_cam import grad_cam
from onnxplain.methods.layer_gradient import NEEDS, layer_gradient, read_layer
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.boxes.parts import BoxPart
from onnxplain.targets.target import Target

_SIDES: tuple[BoxPart, ...] = ("left", "top", "right", "bottom")


@method(
    name="g-came",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Grad-CAM of a box, weighted by a Gaussian around the centre of the box.",
    reference="after Nguyen, Nguyen, Nguyen, Truong, Cao 2023, arXiv:2306.03400; there the width "
    "of the Gaussian follows from gradients, here from the box",
    meaning="score units up to a factor; positive values support the target",
    class_discriminative=True,
    promises="",
    failures="by construction, evidence far from the box fades out, so the map cannot show that a "
    "detector looks at the surroundings",
    requires=require_boxes("g-came", "grad-cam"),
)
def g_came(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    spread: float = 1.0,
) -> Attribution:
    """Grad-CAM times exp(-((u - u0) / s_u)^2 / 2 - ((v - v0) / s_v)^2 / 2).

    (u0, v0) is the middle of the box, (u, v) that of a place of the layer, and s the spread times
    half of the box's width and height, but at least half of a place.

    Parameters
    ----------
    context, x
        See `Context`; x has the model's input shape.
    target : BoxNumber
        A number of a box.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    spread : float
        Standard deviation, in halves of the box.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    MethodRefusedError
        If the target is no box, there is no layer with places, or its gradient is zero everywhere.
    UsageError
        If the spread is not positive.
    """
    box = as_box("g-came", "grad-cam", target, BoxNumber)
    if not 0 < spread < np.inf:
        raise UsageError(f"spread must be above 0, not {spread}")
    coarse = grad_cam(context, x, target, layer=layer)
    left, top, right, bottom = box.sides
    height, width = context.network.image.size
    down = _bell(coarse.values.shape[1], height, top, bottom, spread)
    across = _bell(coarse.values.shape[2], width, left, right, spread)
    return replace(coarse, values=coarse.values * np.outer(down, across))


def _bell(
    places: int, length: int, first: float, last: float, spread: float
) -> NDArray[np.float64]:
    """Gaussian around the middle of a side, at the middles of places along `length` pixels."""
    middles = (np.arange(places) + 0.5) * length / places
    deviation = max(spread * (last - first) / 2, length / places / 2)
    return np.asarray(np.exp(-(((middles - (first + last) / 2) / deviation) ** 2) / 2))


@method(
    name="odam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps times the gradient of one of a box's numbers, at the layer that all its "
    "numbers depend on.",
    reference="Zhao, Chan 2023, arXiv:2304.06354",
    meaning="score units, or pixels for a side; positive values raise the number; combined: 0 to "
    "1, the maximum of the maps of the class and the sides",
    class_discriminative=True,
    promises="",
    failures="coarse: has the layer's resolution; the combined map does not say which number a "
    "place affects",
    requires=require_boxes("odam", "hirescam"),
)
def odam(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    combined: bool = False,
) -> Attribution:
    """Sum over k of dY/dA_k(i, j) A_k(i, j), before the ReLU that pictures apply.

    Y is a number of the box and A the last layer that its class and its sides are computed from.
    Gradients are not smoothed, as in the authors' code.

    Parameters
    ----------
    context, x
        See `Context`; x has the model's input shape.
    target : BoxNumber
        A number of a box.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    combined : bool
        The largest of the maps of class and four sides at each place, each without its negative
        part and divided by its maximum.

    Returns
    -------
    Attribution
        (N, h, w), signed, in the unit of the number; combined in 0..1.

    Raises
    ------
    MethodRefusedError
        If the target is no box, there is no layer with places, or its gradient is zero everywhere.
    """
    box = as_box("odam", "hirescam", target, BoxNumber)
    left, *sides = (replace(box, part=part, logit=None) for part in _SIDES)
    spatial, maps, of_left = layer_gradient(context, x, left, layer)

    def weighted(slopes: NDArray[Any]) -> NDArray[np.float64]:
        return np.einsum("nkhw,nkhw->nhw", maps, slopes)

    def of(number: BoxNumber) -> NDArray[np.float64]:
        found = context.gradients(x, number, [spatial.name])
        return weighted(read_layer(context.network, spatial, found)[2])

    if combined:
        class_ = box if box.part == "class" else replace(box, part="class", logit=None)
        shares = [_share(weighted(of_left)), *(_share(of(number)) for number in (class_, *sides))]
        return Attribution(np.max(shares, axis=0), ("H", "W"), layer=spatial.name)
    values = of(box)
    if not values.any():
        raise NoSlopeError(
            f"{box.describe()} does not depend on {spatial.name!r}: name another layer with --layer"
        )
    return Attribution(values, ("H", "W"), layer=spatial.name)


def _share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positive part of each map as a share of its maximum; zero where it has none."""
    positive = np.maximum(values, 0.0)
    largest = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)
