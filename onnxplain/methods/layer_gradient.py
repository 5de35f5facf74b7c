"""Feature maps of a layer with the derivative of the score: what CAM methods combine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import NoSlopeError
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import real_values, scale_and_zero
from onnxplain.network.chosen_layer import layer_tensor
from onnxplain.network.context import Context
from onnxplain.network.placed_layer import placed
from onnxplain.targets.target import Target

# What every method needs that is read at a layer's gradient.
NEEDS = Capability.GRADIENTS | Capability.ACTIVATIONS
# A chosen layer may lie after the last point where places still matter (after the last
# attention, say): then its gradient is zero, and the candidate before it is tried.
_ATTEMPTS = 3


def layer_gradient(
    context: Context, x: NDArray[Any], target: Target, layer: str | None
) -> tuple[SpatialLayer, NDArray[Any], NDArray[Any]]:
    """Feature maps of a layer and the score's derivative, both (N, C, h, w) float64.

    Those of a quantised tensor are the numbers that its integers stand for.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places.
    NoSlopeError
        If its gradient is zero everywhere.
    """
    network = context.network
    first = network.layer(layer)
    named = layer_tensor(network, layer) is not None
    candidates = [first, *([] if named else network.layers[1:_ATTEMPTS])]
    for candidate in candidates:
        spatial = first if candidate is first else placed(network, candidate)
        found = context.gradients(x, target, [spatial.name])
        scale, _ = scale_and_zero(network.graph, spatial.name)
        slopes = spatial.to_maps(found.gradients[spatial.name]).astype(np.float64) / scale
        if np.any(slopes):
            values = real_values(network.graph, spatial.name, found.values[spatial.name])
            return spatial, spatial.to_maps(values), slopes
    tried = ", ".join(p.name for p in candidates)
    raise NoSlopeError(
        f"the score's gradient is zero at every place of {tried}: the score does not depend on "
        "it, or the network saturates there; name an earlier layer with --layer"
    )
