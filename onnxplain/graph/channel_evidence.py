"""What the first operators that read an input say about its axes.

Exporters often leave every axis of the picture open. The operators do not: a convolution
reads its channels from a certain axis, and its weights say how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.graph.nonsense import unless_nonsense
from onnxplain.graph.operators import IN_PLACE, JOINING
from onnxplain.graph.slices import slice_parts
from onnxplain.graph.squeeze import squeezed_axes
from onnxplain.graph.view import Graph, Node

# Convolutions, and which of their inputs holds the weights.
_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
# They hand weights on without changing their shape.
_OF_WEIGHTS = frozenset("DequantizeLinear Cast Identity".split())
_PER_CHANNEL = frozenset("BatchNormalization InstanceNormalization".split())
# Every axis stays where it is, and the channels stay what they are.
_UNMOVED = IN_PLACE.union("Pad Resize Upsample MaxPool AveragePool".split())
_IMAGE_RANK = 4
# For each axis of a tensor the axis of the input that it is, if it still is one.
_Origin = tuple[int | None, ...]


@dataclass(frozen=True)
class ChannelEvidence:
    """Where an operator finds the channels of an input.

    Attributes
    ----------
    axis : int
        Axis of the input.
    channels : int
        How many there are.
    node : Node
        The operator.
    sure : bool
        Whether the operator allows no other number.
    """

    axis: int
    channels: int
    node: Node
    sure: bool


def channel_evidence(
    graph: Graph, name: str, lengths: Sequence[int | None]
) -> ChannelEvidence | None:
    """Follow an input to the first operator that says which of its axes holds the channels.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    name : str
        The input.
    lengths : sequence of int or None
        Length of each of its axes; ``None`` for one that is open.

    Returns
    -------
    ChannelEvidence or None
        From a convolution or a normalisation for each channel; if there is none, from
        constants that differ along one axis only.
    """
    origins: dict[str, _Origin] = {name: tuple(range(len(lengths)))}
    weak: ChannelEvidence | None = None
    for node in graph.nodes:
        source = next((i for i in node.inputs if i in origins), None)
        if source is None:
            continue
        origin = origins[source]
        # Constants may repeat an axis of length one: then it is no longer the input's own.
        repeated = set(_longer(graph, node, len(origin)))
        origin = tuple(
            None if k in repeated and o is not None and lengths[o] == 1 else o
            for k, o in enumerate(origin)
        )
        said = unless_nonsense(_said, graph, node, source, len(origin)) or []
        for axis, channels, sure in said:
            found = origin[axis]
            if found is not None and sure:
                return ChannelEvidence(found, channels, node, True)
            if found is not None:
                weak = weak or ChannelEvidence(found, channels, node, False)
        moved = unless_nonsense(_moved, graph, node, source, origin)
        # With something else that is computed, an axis may be repeated as well.
        alone = all(i == source or graph.is_constant(i) for i in node.reads)
        if moved is not None and (alone or node.operator not in JOINING):
            origins[node.output] = moved
    return weak


def _said(graph: Graph, node: Node, source: str, rank: int) -> list[tuple[int, int, bool]]:
    """Axis of the channels in what the node reads, their number, and whether that is sure."""
    found: list[tuple[int, int, bool]] = []
    if rank == _IMAGE_RANK and node.inputs[0] == source:
        if node.op_type in _CONVOLUTIONS:
            shape = _weight_shape(graph, node.inputs[_CONVOLUTIONS[node.op_type]])
            if len(shape) == rank:
                axis = 3 if node.attributes.get("channels_last") else 1
                found.append((axis, shape[1] * int(node.attributes.get("group", 1)), True))
        elif node.op_type in _PER_CHANNEL and graph.is_constant(node.inputs[1]):
            found.append((1, graph.constant_shape(node.inputs[1])[0], True))
    longer = _longer(graph, node, rank)
    if len(longer) == 1:
        found.append((*longer.popitem(), False))
    order = _order(graph, node)
    if order is not None and len(order) > 1:
        found.append((int(node.attributes.get("axis", 0)) % rank, len(order), False))
    return found


def _longer(graph: Graph, node: Node, rank: int) -> dict[int, int]:
    """Axes along which constants that are added or multiplied differ, with their lengths."""
    if node.operator not in JOINING:
        return {}
    shapes = [graph.constant_shape(i) for i in node.inputs if graph.is_constant(i)]
    return {
        axis + rank - len(shape): length
        for shape in shapes
        for axis, length in enumerate(shape)
        if length > 1 and len(shape) <= rank
    }


def _weight_shape(graph: Graph, name: str) -> tuple[int, ...]:
    while not graph.is_constant(name):
        node = graph.producers.get(name)
        if node is None or node.op_type not in _OF_WEIGHTS:
            return ()
        name = node.inputs[0]
    return graph.constant_shape(name)


def _order(graph: Graph, node: Node) -> list[int] | None:
    """Order in which a Gather takes all entries of an axis, as to swap red and blue."""
    if node.op_type != "Gather" or not graph.is_constant(node.inputs[1]):
        return None
    taken = graph.constant(node.inputs[1])
    order = taken.tolist() if taken.ndim == 1 else []
    return order if sorted(order) == list(range(len(order))) else None


def _moved(graph: Graph, node: Node, source: str, origin: _Origin) -> _Origin | None:
    """Where the axes of the input are in what the node writes."""
    rank = len(origin)
    if node.operator in JOINING:
        ranks = [len(graph.constant_shape(i)) for i in node.inputs if graph.is_constant(i)]
        return origin if all(r <= rank for r in ranks) else None
    if node.inputs[0] != source:
        return None
    if node.operator in _UNMOVED or _order(graph, node):
        return origin
    if node.op_type == "Transpose":
        order = node.attributes.get("perm") or range(rank)[::-1]
        return tuple(origin[p] for p in order) if len(order) == rank else None
    if node.op_type == "Squeeze":
        gone = squeezed_axes(graph, node, rank)
        return None if gone is None else tuple(o for k, o in enumerate(origin) if k not in gone)
    if node.op_type == "Unsqueeze":
        return _lengthened(graph, node, origin)
    if node.op_type == "Slice":
        return _sliced(graph, node, origin)
    return None


def _lengthened(graph: Graph, node: Node, origin: _Origin) -> _Origin | None:
    count = len(node.attributes.get("axes", ()))
    if len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
        count = graph.constant(node.inputs[1]).size
    rank = len(origin) + count
    new = squeezed_axes(graph, node, rank)
    if new is None:
        return None
    rest = iter(origin)
    return tuple(None if k in new else next(rest) for k in range(rank))


def _sliced(graph: Graph, node: Node, origin: _Origin) -> _Origin | None:
    """Axes that were not cut; one that is only turned round stays what it is."""
    parts = slice_parts(graph, node)
    if parts is None:
        return None
    kept = list(origin)
    for axis, start, end, step in parts:
        turned = step == -1 and start == -1 and end < -(1 << 30)
        whole = step == 1 and start == 0 and end > 1 << 30
        if not (turned or whole):
            kept[axis] = None
    return tuple(kept)
