"""The layer that a person names, or the best one, and the linear head after it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.cam_head import CamHead, find_cam_head
from onnxplain.graph.depth import Depths
from onnxplain.graph.held import require_held
from onnxplain.graph.layer_choice import NOTHING_NEW, choose_layer
from onnxplain.graph.layer_list import early_layer, usable_layers
from onnxplain.graph.layers import SpatialLayer, refuse_layer, spatial_layer

if TYPE_CHECKING:
    from onnxplain.graph.axes import Axes
    from onnxplain.graph.head import Head
    from onnxplain.graph.image_input import ImageInput
    from onnxplain.graph.shapes import Shapes
    from onnxplain.graph.view import Graph
    from onnxplain.network.network import Network
    from onnxplain.targets.target import Target


LAST, EARLY = "last", "early"
# What only changes the size of a map makes no scale of its own.
_OF_ANOTHER_SIZE = NOTHING_NEW | {"Pad", "Slice"}
_INDEX = re.compile(r"[+-]?\d+")


def about_layers(network: Network) -> tuple[Graph, Shapes, Axes, ImageInput, Head]:
    """Return what the choice of a layer looks at."""
    return network.graph, network.shapes, network.axes, network.image, network.head


def layer_tensor(network: Network, asked: str | int | None) -> str | None:
    """Return the tensor that is meant by a layer, or ``None`` for the chosen one.

    Parameters
    ----------
    network : Network
        The network.
    asked : str or int or None
        A name, see `Graph.resolve`; ``early``, see `early_layer`; a position in
        `usable_layers`, negative from the end; ``last`` or nothing for the chosen layer. A
        tensor that has exactly that name comes first.

    Raises
    ------
    UnknownNameError, UsageError
        If there is none.
    """
    name = LAST if asked is None else str(asked)
    exact = None if asked is None else network.graph.named(name)
    if exact is not None:
        return exact
    if name == LAST:
        return None
    if name == EARLY:
        return _early(network).name
    if _INDEX.fullmatch(name):
        return _at(network, int(name)).name
    return network.graph.resolve(name)


def tensor_of(network: Network, asked: str | int | None) -> str:
    """Return the tensor that is meant by a layer, whether it has places or not."""
    return layer_tensor(network, asked) or network.layer(None).name


def named_layer(network: Network, asked: str | int | None) -> SpatialLayer:
    """Return the named spatial layer of a network, or the best one; see `Network.layer`."""
    found = _named(network, asked)
    numbers = math.prod(network.shapes.get(found.name, ()))
    require_held(f"layer {found.name!r}", found.grid, numbers)
    return found


def _named(network: Network, asked: str | int | None) -> SpatialLayer:
    graph, shapes, axes = network.graph, network.shapes, network.axes
    tensor = layer_tensor(network, asked)
    if tensor is None:
        if not network.layers:
            what = f"no layer was chosen: {network.layer_choice.reason}"
            raise refuse_layer(graph, shapes, axes, what)
        return network.layers[0]
    found = spatial_layer(graph, shapes, axes, tensor)
    if found is None:
        shape = list(shapes.get(tensor, ()))
        what = f"layer {tensor!r} of shape {shape} has no height and width of the picture"
        raise refuse_layer(graph, shapes, axes, what)
    return found


def layer_warnings(
    network: Network,
    asked: str | int | None,
    read: str | None = None,
    target: Target | None = None,
) -> tuple[str, ...]:
    """Say what is doubtful about a layer that was not named.

    Parameters
    ----------
    network : Network
        The network.
    asked : str or int or None
        What the person asked for.
    read : str, optional
        The tensor at which maps were read, if it may be another one than the chosen one.
    target : Target, optional
        What is explained, if that may be a part of the answer.
    """
    if layer_tensor(network, asked) is not None or not network.layers:
        return ()
    layers = network.layers if target is None else layers_of(network, target)
    if layers != network.layers and read in [layer.name for layer in layers]:
        return ()  # it leads to what is explained, and all of that passes it
    chosen = layers[0].name
    if read in (None, chosen):
        return (network.layer_choice.warning,) if network.layer_choice.warning else ()
    share = Depths(network.graph, network.shapes, network.image.name, network.head.logits).share
    return (
        f"the score's gradient is zero at every place of the target layer {chosen!r}; the map is "
        f"read at {read!r} instead, at {share(read):.0%} of the network's depth",
    )


def _early(network: Network) -> SpatialLayer:
    found = early_layer(*about_layers(network))
    if found is None:
        what = "there is no early layer: no spatial layer lies on every path to the output"
        raise refuse_layer(network.graph, network.shapes, network.axes, what)
    return found


def _at(network: Network, index: int) -> SpatialLayer:
    layers = usable_layers(*about_layers(network))
    if not -len(layers) <= index < len(layers):
        allowed = f"-{len(layers)} to {len(layers) - 1}" if layers else "none"
        raise UsageError(
            f"there is no layer {index}; allowed: {allowed}; `inspect --layers` numbers them"
        )
    return layers[index]


def layers_of(network: Network, target: Target) -> list[SpatialLayer]:
    """Layers at which maps of a target can be read, the best first; may be empty.

    Those in front of its `Target.origin`, where that is not one of the scores.
    """
    tensor = target.origin
    if tensor is None or tensor in network.head.tensors:
        return network.layers
    head = replace(network.head, tensors=(tensor,))
    found = choose_layer(network.graph, network.shapes, network.axes, network.image, head).layers
    return list(found) or network.layers


def scales_before(network: Network, layer: SpatialLayer) -> list[SpatialLayer]:
    """Of every other grid the last layer that leads to one, the deepest first."""
    graph, shapes = network.graph, network.shapes
    head = replace(network.head, tensors=(layer.name,))
    depths = Depths(graph, shapes, network.image.name, layer.name)
    found: dict[tuple[int, int], SpatialLayer] = {}
    for one in usable_layers(graph, shapes, network.axes, network.image, head):
        if one.grid == layer.grid or one.op_type in _OF_ANOTHER_SIZE:
            continue
        best = found.get(one.grid)
        # Of equally deep ones the last: after its activation.
        if best is None or depths.before(one.name) >= depths.before(best.name):
            found[one.grid] = one
    return sorted(found.values(), key=lambda one: -depths.before(one.name))


def linear_head(network: Network, layer: SpatialLayer) -> CamHead:
    """Return the linear head that follows a layer.

    Raises
    ------
    MethodRefusedError
        If the layer is not followed by global average pooling and one linear layer.
    """
    known = network.cam_heads.get(layer)
    if known is not None:
        return known
    head, reason = find_cam_head(network.graph, network.shapes, layer, network.head)
    if head is not None:
        network.cam_heads[layer] = head
    else:
        raise MethodRefusedError(
            f"cam needs global average pooling and one linear layer after {layer.name!r}: "
            f"{reason}; use grad-cam"
        )
    return head
