"""The learned weights of a convolution, as pictures can show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.operators import IN_PLACE
from onnxplain.graph.view import Graph, Node
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of

_CONVOLUTIONS = frozenset({"Conv", "QLinearConv", "FusedConv"})


@dataclass(frozen=True)
class Kernels:
    """Weights of one convolution.

    Attributes
    ----------
    layer : str
        Tensor that the convolution writes.
    values : (K, C, h, w) array
        K filters over C channels (those of one group), as stored; int8 weights are
        dequantised.
    colors : str
        ``"RGB"`` if the channels are the picture's colours, in that order whatever the
        model's own; else empty.
    """

    layer: str
    values: NDArray[Any]
    colors: str

    def strongest(self, count: int) -> list[int]:
        """Indices of the filters of the largest norm, in order of their index."""
        norms = np.sqrt((self.values.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
        return sorted(int(k) for k in np.argsort(-norms, kind="stable")[:count])


def kernels(model: Model, layer: str | None = None) -> Kernels:
    """Read the weights of a convolution.

    A normalisation of the input that was folded into the first convolution, or a BatchNorm
    folded into any, has scaled its weights: shapes can be read, sizes only within a filter.

    Parameters
    ----------
    model : Model
        The opened model.
    layer : str, optional
        The tensor that it writes, or one made of that element by element (its activation);
        the first convolution if not given.

    Returns
    -------
    Kernels

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    MethodRefusedError
        If the tensor is not written by a two-dimensional convolution with constant weights.
    """
    network, graph = model.network, model.network.graph
    node = _first(graph) if layer is None else _convolution(graph, tensor_of(network, layer))
    values = _weights(model, node)
    if values.ndim != 4:
        raise MethodRefusedError(f"{node} has weights of shape {list(values.shape)}, not of images")
    image = network.image
    in_colour = image.channels == 3 and not model.preprocess.takes_bands
    sees_picture = (
        in_colour and values.shape[1] == 3 and _from_picture(graph, node.inputs[0], image.name)
    )
    if sees_picture and model.preprocess.color == "BGR":
        values = values[:, ::-1]
    return Kernels(node.output, values, "RGB" if sees_picture else "")


def _first(graph: Graph) -> Node:
    found = next((n for n in graph.nodes if n.op_type in _CONVOLUTIONS), None)
    if found is None:
        raise MethodRefusedError("the model has no convolution, so no kernels can be shown")
    return found


def _convolution(graph: Graph, tensor: str) -> Node:
    node = graph.producers.get(tensor)
    while node is not None and node.operator in IN_PLACE:
        node = graph.producers.get(node.inputs[0])
    if node is None or node.op_type not in _CONVOLUTIONS:
        known = ", ".join([n.output for n in graph.nodes if n.op_type in _CONVOLUTIONS][:10])
        raise MethodRefusedError(
            f"layer {tensor!r} is not written by a convolution; convolutions write: {known}"
        )
    return node


def _weights(model: Model, node: Node) -> NDArray[Any]:
    graph = model.network.graph
    name = node.inputs[3 if node.op_type == "QLinearConv" else 1]
    if name in graph.descendants_of_inputs:
        raise MethodRefusedError(f"the weights of {node} are computed from the picture")
    if not graph.is_constant(name):  # dequantised in the graph: let it be computed
        x = np.zeros((model.network.image.batch or 1, *model.network.image.shape[1:]))
        return model.network.ort.activations(x, [name])[name]
    values = graph.constant(name)
    if node.op_type != "QLinearConv":
        return values
    scale, zero = (graph.constant(node.inputs[k]).reshape(-1, 1, 1, 1) for k in (4, 5))
    return (values.astype(np.float32) - zero.astype(np.float32)) * scale


def _from_picture(graph: Graph, tensor: str, image: str) -> bool:
    """Whether a tensor holds the picture's own channels."""
    while tensor != image:
        node = graph.producers.get(tensor)
        scaled = {"Transpose", "Add", "Sub", "Mul", "Div", "Pad"}
        if node is None or node.operator not in IN_PLACE | scaled:
            return False
        moving = [i for i in node.inputs if i in graph.descendants_of_inputs]
        if len(moving) != 1:
            return False
        tensor = moving[0]
    return True
