"""Recipro-CAM: the score of one place of the feature maps alone, place by place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UnknownNameError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.layer_values import NEEDS, layer_values
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.targets.target import Target

# The authors' Gaussian, at the place and at its neighbours.
_MASKS = {
    "gaussian": np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]),
    "delta": np.outer([0.0, 1.0, 0.0], [0.0, 1.0, 0.0]),
}


@method(
    name="recipro-cam",
    family="cam",
    needs=NEEDS | Capability.RERUN,
    explains="logit",
    of_scores=True,
    display="positive",
    summary="The score of each place of the feature maps on its own, with all others set to zero.",
    reference="Byun, Lee 2022, arXiv:2209.14074",
    meaning="score units, above the score of empty feature maps; positive values support the "
    "target",
    class_discriminative=True,
    promises="with mask=delta, before global average pooling and one linear layer, it equals CAM "
    "divided by the number of places",
    failures="coarse: has the layer's resolution; misses evidence that needs two distant places "
    "together; in a quantised file one place changes the score by a few steps only",
)
def recipro_cam(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    mask: str = "gaussian",
) -> Attribution:
    """S(A m_ij) - S(0), with m_ij a mask around place (i, j).

    The paper's map is S(A m_ij), scaled to [0, 1]; the constant S(0) does not change that.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    mask : {"gaussian", "delta"}
        gaussian: a weight of one quarter for the place and less for its neighbours, as in the
        paper; delta: the place alone.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units.

    Raises
    ------
    UnknownNameError
        If there is no such mask.
    MethodRefusedError
        If there is no layer with places, or the score does not depend on it.
    """
    if mask not in _MASKS:
        raise UnknownNameError("mask", mask, _MASKS, f"allowed: {', '.join(_MASKS)}")
    values = layer_values(context, x, layer)
    spatial = values.spatial
    masks = _around_each_place(_MASKS[mask], spatial.grid)
    result = np.empty((len(x), len(masks)))
    for n in range(len(x)):
        single, maps = x[n : n + 1], values.maps(n)
        nothing = values.with_maps(n, np.zeros_like(maps))
        empty = context.scores_from(single, spatial.name, nothing, target)[0]
        for part in context.slices(len(masks)):
            changed = values.with_maps(n, maps * masks[part, None])
            result[n, part] = context.scores_from(single, spatial.name, changed, target) - empty
    return Attribution(result.reshape(len(x), *spatial.grid), ("H", "W"), layer=spatial.name)


def _around_each_place(mask: NDArray[np.float64], grid: tuple[int, int]) -> NDArray[np.float64]:
    """(h w, h, w) masks; what falls off the border is lost."""
    height, width = grid
    wide = np.zeros((height, width, height + 2, width + 2))
    for i in range(height):
        for j in range(width):
            wide[i, j, i : i + 3, j : j + 3] = mask
    return wide[:, :, 1:-1, 1:-1].reshape(-1, height, width)
