"""Choose the layer at which class activation maps are read.

It is the last tensor that all information about the class passes (it dominates the
logits) and that still has places in the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.axes import Axes
from onnxplain.graph.head import Head
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.one_processor import advice_for
from onnxplain.graph.operators import WEIGHTED, Trait, having
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_ATTENTION = frozenset({"Softmax", "QLinearSoftmax", "Attention"})
# Behind these the map is coarser or only re-arranged: the tensor in front is as telling.
_STEP_BACK = frozenset(
    "MaxPool AveragePool Identity Dropout Cast Transpose Reshape Squeeze".split()
)
_NORMALISING = having(Trait.NORMALISES_END)
_LISTED = 10
# What the axes of a layer may be, in some order.
_KINDS = (["C", "H", "N", "W"], ["C", "L", "N"])


@dataclass(frozen=True)
class SpatialLayer:
    """A tensor with places in the picture.

    Attributes
    ----------
    name : str
        ONNX tensor name.
    op_type : str
        Operator that writes it.
    axes : tuple of str
        Meaning of each axis: N, C, and either H and W or L (tokens).
    grid : (int, int)
        Height and width of the map.
    channels : int
        Number of feature maps.
    prefix : int
        Tokens in front of the image's tokens (class token, registers).
    order : int array or None
        Where the places stand, the picture's row by row, among the flattened places of the
        tensor; ``None`` if they stand in this order, after `prefix`.
    """

    name: str
    op_type: str
    axes: tuple[str, ...]
    grid: tuple[int, int]
    channels: int
    prefix: int = 0
    order: NDArray[np.int64] | None = field(default=None, compare=False)

    def to_maps(self, values: NDArray[Any]) -> NDArray[Any]:
        """Arrange values of this tensor as (N, C, height, width)."""
        moved = np.transpose(values, self._axes_in_order)
        if self.order is None and "L" not in self.axes:
            return moved
        places = moved.reshape(*moved.shape[:2], -1)[:, :, self._picked]
        return places.reshape(*moved.shape[:2], *self.grid)

    def with_maps(self, values: NDArray[Any], maps: NDArray[Any]) -> NDArray[Any]:
        """Copies of one input's values, each with other maps.

        Parameters
        ----------
        values : (1, ...) array
            The tensor.
        maps : (M, C, height, width) array
            What `to_maps` is to return for the copies. Tokens in front keep their values.

        Returns
        -------
        (M, ...) array
        """
        order = self._axes_in_order
        moved = maps.astype(values.dtype, copy=False)
        if self.order is not None or "L" in self.axes:
            own = np.transpose(values, order)
            places = np.repeat(own.reshape(*own.shape[:2], -1), len(maps), axis=0)
            places[:, :, self._picked] = maps.reshape(*maps.shape[:2], -1)
            moved = places.reshape(len(maps), *own.shape[1:])
        return np.ascontiguousarray(np.transpose(moved, np.argsort(order)))

    def tokens(self, shape: Sequence[int]) -> int:
        """Places of the tensor of that shape, those that are no places of the picture included."""
        return math.prod(shape[self.axes.index(a)] for a in "HWL" if a in self.axes)

    @property
    def _axes_in_order(self) -> list[int]:
        return [self.axes.index(a) for a in ("N", "C", "H", "W", "L") if a in self.axes]

    @property
    def _picked(self) -> slice | NDArray[np.int64]:
        """Where the picture's places stand among those of the tensor."""
        return slice(self.prefix, None) if self.order is None else self.order

    def __str__(self) -> str:
        height, width = self.grid
        return f"{self.name} ({self.op_type}, {self.channels} maps of {height} x {width})"


def spatial_layer(graph: Graph, shapes: Shapes, axes: Axes, name: str) -> SpatialLayer | None:
    """Describe a tensor as a spatial layer, or return ``None`` if it is none."""
    tags, shape = axes.tags.get(name), shapes.get(name)
    found = axes.grid_of.get(name)
    if tags is None or shape is None or found is None or sorted(tags) not in _KINDS:
        return None
    producer = graph.producers.get(name)
    op_type = producer.op_type if producer else "input"
    channels = shape[tags.index("C")]
    return SpatialLayer(name, op_type, tags, found.grid, channels, found.prefix, found.order)


def layer_candidates(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput, head: Head
) -> list[SpatialLayer]:
    """Layers at which a class activation map makes sense, the best first.

    Parameters
    ----------
    graph, shapes, axes
        The prepared graph with its concrete shapes and axis meanings.
    image : ImageInput
        The explained input, which is no candidate itself.
    head : Head
        The classification output.

    Returns
    -------
    list of SpatialLayer
        Empty if nothing spatial dominates the logits.
    """
    passed = list(dominators(graph, image.name, head.logits))
    weighted = after_weights(graph)
    found = [
        layer
        for name in passed
        if name in weighted and (layer := spatial_layer(graph, shapes, axes, name)) is not None
    ]
    floating = [c for c in found if c.op_type != "QuantizeLinear"]
    if not floating:
        return []
    place = {name: k for k, name in enumerate(graph.tensor_names())}
    if any(c.name == head.logits for c in floating):
        # The maps of a dense output are its scores: what they are computed from is asked for.
        last = max(place[n.output] for n in _weighted_nodes(graph) if n.output in passed)
        floating = [c for c in floating if place[c.name] < last] or floating
    best = _best(graph, floating, head)
    # It may be a tensor that was found by its name alone: its own axes count.
    best = spatial_layer(graph, shapes, axes, best.name) or floating[-1]
    earlier = [c for c in floating if place[c.name] < place[best.name]]
    return [best, *reversed(earlier)]


def refuse_layer(graph: Graph, shapes: Shapes, axes: Axes, what: str) -> MethodRefusedError:
    """Return an error that lists the spatial tensors nearest to the output."""
    written = [o for n in reversed(graph.nodes) for o in n.outputs]
    layers = (spatial_layer(graph, shapes, axes, name) for name in written)
    listed = [str(layer) for layer in layers if layer is not None][:_LISTED]
    offer = "; name one with --layer: " + ", ".join(listed) if listed else ""
    instead = "use occlusion or integrated-gradients"
    if any(len(shapes.get(tensor, ())) > 2 for tensor in written):
        none = f"; no tensor is known to be spatial: {instead}"
    else:
        none = f"; the model has no feature maps: {instead}"
    return MethodRefusedError(what + advice_for(graph) + (offer or none))


def _best(graph: Graph, candidates: list[SpatialLayer], head: Head) -> SpatialLayer:
    by_name = {c.name: c for c in candidates}
    best = candidates[-1]
    if best.prefix:
        return _before_last_attention(graph, candidates, head) or best
    while best.op_type in _STEP_BACK:
        source = graph.producers[best.name].inputs[0]
        if source not in by_name:
            break
        best = by_name[source]
    return best


def _before_last_attention(
    graph: Graph, candidates: list[SpatialLayer], head: Head
) -> SpatialLayer | None:
    """Input of the last attention block of a network that reads a class token.

    Behind the last attention, the image's tokens no longer reach the class token, and
    their gradient is zero; pytorch-grad-cam advises the same place (``blocks[-1].norm1``).
    """
    inner = _attentions(graph, head)
    if not inner:
        return None
    inputs = {i.name for i in graph.inputs}
    index = {c.name: graph.producers[c.name].index for c in candidates if c.name not in inputs}
    earlier = [c for c in candidates if index.get(c.name, -1) < inner[-1].index]
    if not earlier:
        return None
    stream = earlier[-1]
    for node in graph.consumers.get(stream.name, ()):
        if node.operator in _NORMALISING:
            return replace(stream, name=node.output, op_type=node.op_type)
    # Written out in single steps, the normalisation ends where the projections begin.
    downstream = graph.descendants([stream.name]) & graph.ancestors(inner[-1].output)
    read = next((n.inputs[0] for n in _weighted_nodes(graph) if n.output in downstream), "")
    if read not in downstream or read not in graph.producers:
        return stream
    return replace(stream, name=read, op_type=graph.producers[read].op_type)


def attentions_after(graph: Graph, name: str, head: Head) -> int:
    """Count the attentions that a tensor passes on its way to the scores."""
    downstream = graph.descendants([name])
    return sum(n.output in downstream for n in _attentions(graph, head))


def _attentions(graph: Graph, head: Head) -> list[Node]:
    needed = graph.ancestors(head.logits)
    found = [n for n in graph.nodes if n.op_type in _ATTENTION and n.output in needed]
    return [n for n in found if n not in head.stripped]


def dominators(graph: Graph, image: str, logits: str) -> Iterator[str]:
    """Tensors that every path from the image to the logits passes, in order.

    In topological order a tensor dominates when no edge jumps over it: one scan with the
    furthest consumer so far decides.
    """
    alive = graph.ancestors(logits) & graph.descendants([image])
    order = [name for name in graph.tensor_names() if name in alive]
    place = {name: k for k, name in enumerate(order)}
    furthest = -1
    for name in order:
        if furthest <= place[name]:
            yield name
        reached = [place[o] for n in graph.consumers.get(name, ()) for o in n.outputs if o in place]
        furthest = max([furthest, *reached])


def _weighted_nodes(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes if n.operator in WEIGHTED]


def after_weights(graph: Graph) -> set[str]:
    """Tensors that weights had a part in."""
    weighted = {o for n in _weighted_nodes(graph) for o in n.outputs}
    return graph.descendants(weighted)
