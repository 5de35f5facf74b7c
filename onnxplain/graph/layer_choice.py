"""Which layer class activation maps are read at, and what is to be said of that choice.

The last layer that all evidence passes can lie early: where one branch leads from an early stage
to the scores, as in detectors, or where the meaning of axes is lost on the way. The count of layers
with weights tells, whatever is known of axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onnxplain.graph.axes import Axes
from onnxplain.graph.depth import Depths
from onnxplain.graph.head import Head
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.layers import (
    SpatialLayer,
    attentions_after,
    layer_candidates,
    spatial_layer,
)
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph

# A choice is early if more than this share of the layers that work on places, and more than one
# of them, is not in front of it. The block after the last attention is allowed to a class token:
# there, experts too stop before it.
EARLY = 0.1
# A layer that holds a part of the evidence has to leave that much less of the network aside.
_WORTH = 2 / 3
_ADVICE = "`inspect --layers` lists all layers; --layer chooses another one"
# Scores of several depths are added or joined: most of them have to depend on the layer.
_HALF = 0.5
# Behind these the maps hold nothing new.
NOTHING_NEW = frozenset(
    "Resize Upsample MaxPool AveragePool Cast Identity Transpose Reshape".split()
)


@dataclass(frozen=True)
class LayerChoice:
    """Layers for class activation maps, with what a person should know of the first one.

    Attributes
    ----------
    layers : tuple of SpatialLayer
        The best first; may be empty.
    reason : str
        One sentence: why the first one was chosen, or why none was.
    warning : str
        What is doubtful about it; empty if nothing is.
    """

    layers: tuple[SpatialLayer, ...]
    reason: str
    warning: str = ""


def choose_layer(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput, head: Head
) -> LayerChoice:
    """Choose the layer, later than the last one that all evidence passes if that lies early.

    Parameters
    ----------
    graph, shapes, axes
        The prepared graph with its concrete shapes and axis meanings.
    image : ImageInput
        The explained input.
    head : Head
        The explained output.
    """
    layers = layer_candidates(graph, shapes, axes, image, head)
    if not layers:
        return LayerChoice((), "no spatial layer lies on every path to the output")
    depths = Depths(graph, shapes, image.name, head.logits)
    best = layers[0]
    if not _is_early(graph, depths, best, head):
        return LayerChoice(tuple(layers), _reason(best, graph, head))
    found = _later(graph, shapes, axes, depths, best, head)
    if found is None:
        return LayerChoice(
            tuple(layers),
            "the last layer known to be spatial that all evidence passes through",
            _warning(depths, best),
        )
    reason = (
        f"the last spatial layer from which {_reached(depths, found)} computed; the last one that "
        f"all evidence passes through, {best.name}, is at {depths.share(best.name):.0%} of the "
        "depth"
    )
    return LayerChoice((found, *layers), reason, _partial(depths, found, best))


def _is_early(graph: Graph, depths: Depths, layer: SpatialLayer, head: Head) -> bool:
    beside = depths.beside(layer.name)
    if beside <= max(1, EARLY * depths.placed):
        return False
    return not (layer.prefix and attentions_after(graph, layer.name, head) <= 1)


def _reason(layer: SpatialLayer, graph: Graph, head: Head) -> str:
    if layer.prefix and attentions_after(graph, layer.name, head):
        return (
            "the input of the last attention: after it, the image tokens no longer reach the "
            "token that is read"
        )
    return "the last spatial layer that all evidence passes through"


def _warning(depths: Depths, layer: SpatialLayer) -> str:
    return (
        f"{_lies(depths, layer)}; no later layer that all evidence passes through is known to be "
        f"spatial; {_ADVICE}"
    )


def _partial(depths: Depths, layer: SpatialLayer, best: SpatialLayer) -> str:
    return (
        f"{_lies(depths, layer)}, and other paths from {best.name!r} to the scores bypass it: its "
        f"maps show only part of the evidence; {_ADVICE}"
    )


def _lies(depths: Depths, layer: SpatialLayer) -> str:
    where = (
        f"the target layer {layer.name!r} is at {depths.share(layer.name):.0%} of the network's "
        "depth"
    )
    beside = depths.beside(layer.name)
    if not beside:
        return where
    return f"{where}: {beside} of {depths.placed} layers with spatial weights do not lead to it"


def _reached(depths: Depths, layer: SpatialLayer) -> str:
    reach = depths.reach(layer.name)
    return "all scores are" if reach == 1 else f"{reach:.0%} of the last layers are"


def _later(
    graph: Graph, shapes: Shapes, axes: Axes, depths: Depths, best: SpatialLayer, head: Head
) -> SpatialLayer | None:
    """The deepest layer after `best` that every score depends on; half of them at least."""
    after = graph.descendants([best.name]) & graph.ancestors(head.logits) - {best.name}
    later = [
        layer
        for name in graph.tensor_names()
        if name in after
        and depths.reach(name) >= _HALF
        and (layer := spatial_layer(graph, shapes, axes, name)) is not None
        and layer.op_type != "QuantizeLinear"
    ]
    found = [
        _deepest(graph, depths, (c for c in later if depths.reach(c.name) == 1), later),
        _deepest(graph, depths, later, later),
    ]
    late = [c for c in found if c is not None and not _is_early(graph, depths, c, head)]
    # Early as well, it has to be worth that evidence leads past it.
    largest = _WORTH * depths.beside(best.name)
    worth = [c for c in found[:1] if c is not None and depths.beside(c.name) <= largest]
    return next(iter(late + worth), None)


def _deepest(
    graph: Graph, depths: Depths, among: Iterable[SpatialLayer], all_: Iterable[SpatialLayer]
) -> SpatialLayer | None:
    by_name = {c.name: c for c in all_}
    # Of equally deep ones the last: after its activation.
    best = max(reversed(list(among)), key=lambda c: depths.before(c.name), default=None)
    while best is not None and best.op_type in NOTHING_NEW:
        source = by_name.get(graph.producers[best.name].inputs[0])
        if source is None:
            break
        best = source
    return best
