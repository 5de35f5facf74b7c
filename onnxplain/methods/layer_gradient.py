"""Feature maps of a layer with the derivative of the score: what CAM methods combine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import NoSlopeError
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import real_values, scale_and_zero
from onnxplain.network.chosen_layer import layer_tensor, layers_of, named_layer
from onnxplain.network.context import Context, Derivatives
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placed
from onnxplain.targets.target import Target

# What every method needs that is read at a layer's gradient.
NEEDS = Capability.GRADIENTS | Capability.ACTIVATIONS
# A chosen layer may lie after the last point where places still matter (after the last
# attention, say): then its gradient is zero, and those before it are tried.
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
    if layer_tensor(network, layer) is not None:
        candidates = [named_layer(network, layer)]
    else:
        candidates = _candidates(network, target) or [named_layer(network, layer)]
    for among in filter(None, (candidates[:1], candidates[1:])):
        found = context.gradients(x, target, [candidate.name for candidate in among])
        for candidate in among:
            if np.any(found.gradients[candidate.name]):
                return read_layer(network, placed(network, candidate), found)
    tried = ", ".join(p.name for p in candidates)
    raise NoSlopeError(
        f"the score's gradient is zero at every place of {tried}: the score does not depend on "
        "it, or the network saturates there; name an earlier layer with --layer"
    )


def _candidates(network: Network, target: Target) -> list[SpatialLayer]:
    """Layers to try, the best first."""
    layers = layers_of(network, target)
    # The sides of a box are not computed from the branch of its class, which may be long.
    return layers[:_ATTEMPTS] if layers == network.layers else layers


def read_layer(
    network: Network, spatial: SpatialLayer, found: Derivatives
) -> tuple[SpatialLayer, NDArray[Any], NDArray[Any]]:
    """Return a layer, its feature maps and the score's derivative, as `layer_gradient` does."""
    scale, _ = scale_and_zero(network.graph, spatial.name)
    slopes = spatial.to_maps(found.gradients[spatial.name]).astype(np.float64) / scale
    values = real_values(network.graph, spatial.name, found.values[spatial.name])
    return spatial, spatial.to_maps(values), slopes
