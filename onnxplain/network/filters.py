"""The filters of a network's weighted layers, and how strongly each answers to a picture.

Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.1, with the normalisation of the
authors' published code: squared norms over places, divided by their sum in the layer; all
layers together are then scaled to length one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.layers import SpatialLayer, spatial_layer
from onnxplain.graph.operators import IN_PLACE, WEIGHTED
from onnxplain.graph.view import Graph, Node
from onnxplain.network.chosen_layer import tensor_of

if TYPE_CHECKING:
    from onnxplain.network.network import Network

_SHIFTING = frozenset({"Add", "Mul", "Sub", "Div"})


@dataclass(frozen=True)
class FeatureLayer:
    """The filters of one weighted layer, read after its activation.

    Attributes
    ----------
    name : str
        Tensor name.
    channels : int
        Number of filters.
    first : int
        Position of its first filter among those of all layers.
    spatial : SpatialLayer, optional
        Where its units are in the picture; ``None`` for a fully connected layer.
    """

    name: str
    channels: int
    first: int
    spatial: SpatialLayer | None

    def maps(self, values: NDArray[Any]) -> NDArray[Any]:
        """Arrange its values as (N, C, h, w); a fully connected layer has one place."""
        return as_maps(values, self.spatial, self.name)


def as_maps(values: NDArray[Any], spatial: SpatialLayer | None, name: str) -> NDArray[Any]:
    """Arrange a tensor as (N, C, h, w).

    Raises
    ------
    MethodRefusedError
        If it has more axes than that.
    """
    if spatial is not None:
        return spatial.to_maps(values)
    if values.ndim == 2:
        return values[:, :, None, None]
    if values.ndim == 3:
        return values[:, None]
    if values.ndim == 4:
        return values
    raise MethodRefusedError(
        f"tensor {name!r} of shape {list(values.shape)} cannot be shown as maps; choose one of "
        "two to four axes"
    )


def filter_layers(network: Network, names: Sequence[str] | None = None) -> list[FeatureLayer]:
    """Layers whose filters are candidates: convolutions and fully connected layers.

    Each is read after its activation (and BatchNorm). The class scores themselves are no
    feature: every class would be explained by its own score.

    Parameters
    ----------
    network : Network
        The network.
    names : sequence of str, optional
        Only these tensors.

    Returns
    -------
    list of FeatureLayer
        In the order of the graph.

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    MethodRefusedError
        If there is no such layer, or a named tensor cannot be laid out as maps.
    """
    tensors = [tensor_of(network, n) for n in names] if names else _weighted_layers(network)
    layers: list[FeatureLayer] = []
    first = 0
    for tensor in dict.fromkeys(tensors):
        spatial = spatial_layer(network.graph, network.shapes, network.axes, tensor)
        shape = network.shapes[tensor]
        if spatial is None and len(shape) != 2:
            if not names:
                continue
            raise MethodRefusedError(
                f"{tensor!r} of shape {list(shape)} has neither places nor is it a vector; name "
                "the output of a convolution or of a linear layer"
            )
        channels = spatial.channels if spatial is not None else shape[1]
        layers.append(FeatureLayer(tensor, channels, first, spatial))
        first += channels
    if not layers:
        raise MethodRefusedError("the model has no layer before its scores to select from")
    return layers


def powers(
    values: Mapping[str, NDArray[Any]], layers: Sequence[FeatureLayer]
) -> NDArray[np.float64]:
    """Raw responses of all filters: the sum of squares of each one's map, as an (N, m) array."""
    parts = [
        (layer.maps(values[layer.name]).astype(np.float64) ** 2).sum(axis=(2, 3))
        for layer in layers
    ]
    return np.concatenate(parts, axis=1)


def responses(
    values: Mapping[str, NDArray[Any]], layers: Sequence[FeatureLayer]
) -> NDArray[np.float32]:
    """Normalised responses of all filters, as an (N, m) array of rows of length one."""
    raw = powers(values, layers)
    parts = []
    for layer in layers:
        power = raw[:, layer.first : layer.first + layer.channels]
        total = power.sum(axis=1, keepdims=True)
        parts.append(power / np.where(total > 0, total, 1.0))
    joined = np.concatenate(parts, axis=1)
    length = np.linalg.norm(joined, axis=1, keepdims=True)
    return (joined / np.where(length > 0, length, 1.0)).astype(np.float32)


def channel_signal(values: NDArray[Any], layer: FeatureLayer, channel: int) -> NDArray[np.float32]:
    """All activations of one channel, everything else zero, as one signal (1, 1, ...)."""
    kept = np.zeros(values.shape, bool)
    positions = layer.maps(np.arange(values.size).reshape(values.shape))[:, channel]
    kept.reshape(-1)[positions.reshape(-1)] = True
    return np.where(kept, values, 0).astype(np.float32)[:, None]


def _weighted_layers(network: Network) -> list[str]:
    graph = network.graph
    scores = network.head.tensors
    ending = graph.descendants(scores)
    used = set().union(*map(graph.ancestors, scores)) & graph.descendants([network.image.name])
    found = []
    for node in graph.nodes:
        if node.operator in WEIGHTED and node.output in used:
            tensor = _after_activation(graph, node)
            if tensor not in ending:
                found.append(tensor)
    return found


def _after_activation(graph: Graph, node: Node) -> str:
    """Follow what is done to a layer's output element by element, as far as it is alone."""
    tensor = node.output
    while True:
        readers = graph.consumers.get(tensor, ())
        if len(readers) != 1:
            return tensor
        reader = readers[0]
        moving = [i for i in reader.inputs if i in graph.descendants_of_inputs]
        alone = reader.operator in IN_PLACE or (
            reader.op_type in _SHIFTING and len(set(moving)) == 1
        )
        if not alone:
            return tensor
        tensor = reader.output
