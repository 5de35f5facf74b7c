"""Every layer that class activation maps can be read at, with what tells one from another."""

from __future__ import annotations

import re
from dataclasses import dataclass

import onnx

from onnxplain.graph.axes import Axes
from onnxplain.graph.depth import Depths
from onnxplain.graph.head import Head
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.layers import SpatialLayer, after_weights, dominators, spatial_layer
from onnxplain.graph.receptive_field import field_sizes
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph

# Where PyTorch's exporter notes the modules around a node, the outermost first.
_SCOPES = "pkg.torch.onnx.name_scopes"
_SCOPE = re.compile(r"'([^']*)'")
# The early stage that is looked at is one of such a stride: after the stem.
_STRIDE = 4
# A stage that ends after half of the depth is no early one: a part of it is.
_EARLY_STAGE, _EARLY_PART = 1 / 2, 1 / 3


@dataclass(frozen=True)
class ListedLayer:
    """One line of the list of layers.

    Attributes
    ----------
    layer : SpatialLayer
        The tensor.
    depth : float
        Share of the layers with weights that it is computed by.
    field : (int, int)
        Height and width of the part of the picture that a unit sees by local paths.
    passed : bool
        Whether all evidence passes it.
    source : str
        The module or scope that the exporter noted; empty if it did not.
    """

    layer: SpatialLayer
    depth: float
    field: tuple[int, int]
    passed: bool
    source: str


def usable_layers(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput, head: Head
) -> list[SpatialLayer]:
    """Layers with places between the first weights and the scores, in the order of the graph."""
    between = graph.descendants([image.name]) & graph.ancestors(head.logits)
    between &= after_weights(graph) - set(head.tensors)
    return [
        layer
        for name in graph.tensor_names()
        if name in between
        and (layer := spatial_layer(graph, shapes, axes, name)) is not None
        and layer.op_type != "QuantizeLinear"
    ]


def list_layers(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput, head: Head
) -> list[ListedLayer]:
    """Describe all of `usable_layers`."""
    depths = Depths(graph, shapes, image.name, head.logits)
    fields = field_sizes(graph, shapes, axes, image)
    passed = set(dominators(graph, image.name, head.logits))
    noted = _sources(graph)
    return [
        ListedLayer(
            layer,
            depths.share(layer.name),
            fields[layer.name],
            layer.name in passed,
            noted.get(layer.name, ""),
        )
        for layer in usable_layers(graph, shapes, axes, image, head)
    ]


def early_layer(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput, head: Head
) -> SpatialLayer | None:
    """Choose a layer of an early stage, whose maps are finer than those of the last one.

    It is the last one of the first stage of stride 4 or more that all evidence passes. Where
    that stage goes on far into the network, as it does in a vision transformer, it is the last
    one within the first third of the depth.
    """
    passed = set(dominators(graph, image.name, head.logits))
    layers = [
        layer for layer in usable_layers(graph, shapes, axes, image, head) if layer.name in passed
    ]
    strided = [c for c in layers if _stride(c, image) >= _STRIDE] or layers
    stage = [c for c in strided if c.grid == strided[0].grid]
    if not stage:
        return None
    depths = Depths(graph, shapes, image.name, head.logits)
    if depths.share(stage[-1].name) <= _EARLY_STAGE:
        return stage[-1]
    return [stage[0], *(c for c in stage if depths.share(c.name) <= _EARLY_PART)][-1]


def _stride(layer: SpatialLayer, image: ImageInput) -> float:
    return min(pixels / places for pixels, places in zip(image.size, layer.grid, strict=True))


def _sources(graph: Graph) -> dict[str, str]:
    """Module or scope of the node that writes each tensor, as far as the exporter noted it."""
    found: dict[str, str] = {}
    for node in graph.model.graph.node:
        source = _module(node) or node.name.rpartition("/")[0].strip("/")
        found.update(dict.fromkeys(node.output, source))
    return found


def _module(node: onnx.NodeProto) -> str:
    scopes = next((p.value for p in node.metadata_props if p.key == _SCOPES), "")
    modules = _SCOPE.findall(scopes)[:-1]  # the last one is the node itself
    return modules[-1] if modules else ""
