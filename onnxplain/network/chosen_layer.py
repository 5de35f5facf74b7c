"""The layer that a person names, or the best one, and the linear head behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.cam_head import CamHead, find_cam_head
from onnxplain.graph.layers import SpatialLayer, refuse_layer, spatial_layer

if TYPE_CHECKING:
    from onnxplain.network.network import Network


def named_layer(network: Network, name: str | None) -> SpatialLayer:
    """Return the named spatial layer of a network, or the best one; see `Network.layer`."""
    graph, shapes, axes = network.graph, network.shapes, network.axes
    if name is None:
        if not network.layers:
            what = "no layer was chosen: nothing spatial dominates the output"
            raise refuse_layer(graph, shapes, axes, what)
        return network.layers[0]
    tensor = graph.resolve(name)
    found = spatial_layer(graph, shapes, axes, tensor)
    if found is None:
        shape = list(shapes.get(tensor, ()))
        what = f"layer {tensor!r} of shape {shape} has no height and width of the picture"
        raise refuse_layer(graph, shapes, axes, what)
    return found


def linear_head(network: Network, layer: SpatialLayer) -> CamHead:
    """Return the linear head behind a layer; see `Network.cam_head`."""
    head, reason = find_cam_head(network.graph, network.shapes, layer, network.head)
    if head is None:
        raise MethodRefusedError(
            f"cam needs global average pooling and one linear layer behind {layer.name!r}: "
            f"{reason}; use grad-cam"
        )
    return head
