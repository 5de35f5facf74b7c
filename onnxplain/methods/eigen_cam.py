"""Eigen-CAM: what the feature maps of a layer have in common, whatever the class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import NumericalError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.quantised import real_values
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.targets.target import Target


@method(
    name="eigen-cam",
    family="cam",
    needs=Capability.FORWARD | Capability.ACTIVATIONS,
    explains="logit",
    display="positive",
    shows="only what stands out in the layer, whatever the class: not specific to the target",
    ends=("nothing", "stands out"),
    summary="Projection of a layer's feature maps onto their first principal component.",
    reference="Muhammad, Yeasin 2020, arXiv:2008.00299",
    meaning="units of the activations; signed so that the largest magnitude is positive",
    class_discriminative=False,
    promises="",
    failures="does not depend on the class: it shows what stands out to the network",
)
def eigen_cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """A v, with A the centred (places, channels) matrix and v its first right singular vector.

    A singular vector has no sign of its own; the map is flipped when its largest magnitude
    is negative.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; the target is recorded, but does not matter.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in units of the activations.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places.
    NumericalError
        If its values are not finite.
    """
    spatial = context.network.layer(layer)
    values = context.engine(Capability.ACTIVATIONS).activations(x, [spatial.name])[spatial.name]
    maps = spatial.to_maps(real_values(context.network.graph, spatial.name, values))
    results = []
    for single in maps:
        matrix = single.reshape(len(single), -1).T
        matrix = matrix - matrix.mean(axis=0)
        if not np.isfinite(matrix).all():
            raise NumericalError(
                f"layer {spatial.name!r} holds NaN, infinite or huge values for this picture; "
                "choose another layer with --layer"
            )
        component = np.linalg.svd(matrix, full_matrices=False)[2][0]
        projected = (matrix @ component).reshape(spatial.grid)
        results.append(projected if projected.max() >= -projected.min() else -projected)
    return Attribution(np.stack(results), ("H", "W"), layer=spatial.name)
