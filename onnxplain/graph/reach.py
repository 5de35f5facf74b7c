"""What each position of a node's output sees of its input, along one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.axes import turns_first_operand
from onnxplain.graph.operators import IN_PLACE, JOINING, Trait, having
from onnxplain.graph.padding import Walk, kernel_size, kernel_walks
from onnxplain.graph.resampling import resampled
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

Positions = NDArray[np.int64]

# As far as an axis is as long before as after them, it is the same axis.
_BROADCAST = IN_PLACE | JOINING | having(Trait.RESHAPES | Trait.REDUCES)
_BROADCAST |= frozenset({"Transpose", "Split", "Expand"})
_NORMALISED_FROM = having(Trait.NORMALISES_END)
_NORMALISED_ALONG = having(Trait.NORMALISES_ALONG)
# Windows times their length that are looked at one by one.
_MOST_SEEN = 1 << 24
_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@dataclass(frozen=True)
class Reach:
    """For each position of an output, the first and last position of the input it sees.

    Attributes
    ----------
    first, last : (n,) int arrays
        Inclusive; where `last` is before `first`, nothing is seen.
    mixes : bool
        Whether everything is seen because the operator mixes all places.
    """

    first: Positions
    last: Positions
    mixes: bool = False

    @classmethod
    def same(cls, count: int) -> Reach:
        """Each position sees itself."""
        return cls(np.arange(count), np.arange(count))

    @classmethod
    def everything(cls, count: int, source: int) -> Reach:
        """Each position sees all `source` positions."""
        zeros = np.zeros(count, np.int64)
        return cls(zeros, zeros + source - 1, mixes=True)

    @classmethod
    def of(cls, positions: Positions, source: int) -> Reach:
        """Reach of given positions: an (n, k) array; those beyond the input are not seen."""
        inside = (positions >= 0) & (positions < source)
        first = np.where(inside, positions, source).min(axis=1, initial=source)
        return cls(first, np.where(inside, positions, -1).max(axis=1, initial=-1))

    def then(self, inner: Reach) -> Reach:
        """Positions that are seen through a node of reach `inner`."""
        stops = self.last + 1
        first = _least(inner.first, self.first, stops, np.iinfo(np.int64).max)
        last = -_least(-inner.last, self.first, stops, 1)
        return Reach(first, last)

    def joined(self, other: Reach) -> Reach:
        """The smallest stretch around both."""
        return Reach(np.minimum(self.first, other.first), np.maximum(self.last, other.last))


def _least(values: Positions, starts: Positions, stops: Positions, nothing: int) -> Positions:
    """Least value of each stretch; `nothing` where it is empty.

    Any stretch is two that overlap, of a power of two in length: there may be a million.
    """
    starts, stops = np.maximum(starts, 0), np.minimum(stops, len(values))
    level = np.frexp(np.maximum(stops - starts, 0))[1] - 1  # -1: empty
    found = np.full(len(starts), nothing, np.int64)
    for k in range(int(level.max(initial=-1)) + 1):
        if k:
            half = 1 << (k - 1)
            values = np.minimum(values[:-half], values[half:])
        at = np.flatnonzero(level == k)
        ends = stops[at] - (1 << k)
        found[at] = np.minimum(np.minimum(values[starts[at]], values[ends]), nothing)
    return found


@dataclass(frozen=True)
class Place:
    """One operand of one node, looked at along one axis.

    Attributes
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        The node.
    shapes : mapping of str to tuple of int
        Concrete shapes of all tensors, as far as they are known.
    operand : str
        The input tensor that is looked at.
    axis : int
        Position of the axis in it; -1 if it has no such axis.
    source, count : int
        Positions of the operand and of the output along it; 1 where there is no such axis.
    offset : int
        Positions of the operands in front of this one, where a Concat joins them.
    """

    graph: Graph
    node: Node
    shapes: Shapes
    operand: str
    axis: int
    source: int
    count: int
    offset: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the operand; empty if unknown."""
        return self.shapes.get(self.operand, ())

    def numbers(self, name: str, position: int) -> list[float]:
        """Values of an attribute, or of the constant input in its place; else empty."""
        if name in self.node.attributes:
            return [float(v) for v in np.ravel(self.node.attributes[name])]
        inputs = self.node.inputs
        if len(inputs) > position and inputs[position] and self.graph.is_constant(inputs[position]):
            return [float(v) for v in self.graph.constant(inputs[position]).ravel()]
        return []

    def fixed(self, *positions: int) -> bool:
        """Whether the file fixes each of these inputs, or leaves it out."""
        given = [self.node.inputs[p] for p in positions if p < len(self.node.inputs)]
        return all(self.graph.is_constant(name) for name in given if name)


def reach(place: Place) -> Reach:
    """What every output position of a node sees of one operand.

    An operator that is not known is taken to mix everything: the result can be too large
    but never too small.
    """
    kind = place.node.operator
    if kind in _BROADCAST:
        return _broadcast(place)
    rule = _RULES.get(kind)
    return _everything(place) if rule is None or place.axis < 0 else rule(place)


def _everything(place: Place) -> Reach:
    return Reach.everything(place.count, place.source)


def _broadcast(place: Place) -> Reach:
    same = place.source == place.count
    return Reach.same(place.count) if same else _everything(place)


def _windows(place: Place) -> Reach:
    """Window o starts at ``o stride - pad``."""
    walk = _walk(place)
    if walk is None or place.node.attributes.get("channels_last"):
        return _everything(place)
    # Without an entry for each position of each window: a kernel may be as long as the axis.
    begin = np.arange(place.count) * walk.stride - walk.before
    inside = -np.minimum(begin, 0) + walk.dilation - 1
    first = begin + inside // walk.dilation * walk.dilation
    steps = np.minimum((place.source - 1 - begin) // walk.dilation, walk.kernel - 1)
    last = begin + steps * walk.dilation
    seen = first <= last
    return Reach(np.where(seen, first, place.source), np.where(seen, last, -1))


def _transposed_windows(place: Place) -> Reach:
    """Input i is added to outputs ``i stride - pad`` and onwards, as far as its kernel."""
    node = place.node
    automatic = node.attributes.get("auto_pad", "NOTSET") != "NOTSET"
    walk = _walk(place)
    if walk is None or automatic or "output_shape" in node.attributes:
        return _everything(place)
    if walk.kernel * place.count > _MOST_SEEN:
        return _everything(place)
    kernel = np.arange(walk.kernel) * walk.dilation
    spread = np.arange(place.count)[:, None] + walk.before - kernel
    # Between two multiples of the stride lies no input.
    return Reach.of(np.where(spread % walk.stride == 0, spread // walk.stride, -1), place.source)


def _walk(place: Place) -> Walk | None:
    """How the kernel walks along the axis; none if it does not, or its size is unknown."""
    kernel = kernel_size(place.graph, place.shapes, place.node)
    if place.axis < 2 or len(kernel) != len(place.shape) - 2:
        return None
    return kernel_walks(place.node, place.shape[2:], kernel)[place.axis - 2]


def _concat(place: Place) -> Reach:
    if place.source == place.count:
        return Reach.same(place.count)
    return Reach.of(np.arange(place.count)[:, None] - place.offset, place.source)


def _product(place: Place) -> Reach:
    """A constant matrix as second operand mixes its last axis only."""
    others = [i for i in place.node.inputs[1:] if i]
    moving = any(i in place.graph.descendants_of_inputs for i in others)
    last = place.axis == len(place.shape) - 1
    turned = turns_first_operand(place.node)
    return _everything(place) if moving or last or turned else _broadcast(place)


def _normalised(place: Place) -> Reach:
    node, rank = place.node, len(place.shape)
    together = node.op_type in _NORMALISED_FROM or (
        node.op_type != "LpNormalization" and place.graph.opsets.get("", 13) < 13
    )
    axis = node.attributes.get("axis", 1 if together and node.op_type == "Softmax" else -1) % rank
    mixed = place.axis >= axis if together else place.axis == axis
    return _everything(place) if mixed else _broadcast(place)


def _pad(place: Place) -> Reach:
    rank = len(place.shape)
    amounts, axes = place.numbers("pads", 1), place.numbers("axes", 3)
    order = [int(a) % rank for a in axes] or list(range(rank))
    mode = _PAD_MODES.get(place.node.attributes.get("mode", "constant"))
    if mode is None or not place.fixed(1, 3) or len(amounts) != 2 * len(order):
        return _everything(place)
    if place.axis not in order:
        return Reach.same(place.count)
    k = order.index(place.axis)
    begin, end = int(amounts[k]), int(amounts[len(order) + k])
    more = (max(begin, 0), max(end, 0))
    outside = {"constant_values": -1} if mode == "constant" else {}
    origin = np.pad(np.arange(place.source), more, mode, **outside)  # type: ignore[call-overload]
    return _moved(place, origin[max(-begin, 0) : len(origin) - max(-end, 0)])


def _slice(place: Place) -> Reach:
    rank = len(place.shape)
    starts, ends = place.numbers("starts", 1), place.numbers("ends", 2)
    axes, steps = place.numbers("axes", 3), place.numbers("steps", 4)
    order = [int(a) % rank for a in axes] or list(range(len(starts)))
    if not place.fixed(3) or not order:
        return _everything(place)
    if place.axis not in order:
        return Reach.same(place.count)
    k = order.index(place.axis)
    if not place.fixed(1, 2, 4) or len(starts) <= k or len(ends) <= k:
        return _everything(place)
    step = int(steps[k]) if steps else 1
    # ONNX writes "to the very beginning" as a number far below zero.
    end = None if step < 0 and ends[k] < -place.source else int(ends[k])
    return _moved(place, np.arange(place.source)[int(starts[k]) : end : step])


def _moved(place: Place, origin: Positions) -> Reach:
    """Each output position is a copy of one input position; -1 stands for a constant."""
    if len(origin) != place.count:
        return _everything(place)
    return Reach.of(origin[:, None], place.source)


def _resize(place: Place) -> Reach:
    return Reach(*resampled(place.node.attributes, place.source, place.count, _factor(place)))


def _factor(place: Place) -> float:
    """How many output positions stand for one of the input."""
    late = place.node.op_type == "Resize" and place.graph.opsets.get("", 11) >= 11
    scales = place.numbers("scales", 2 if late else 1)
    fits = len(scales) == len(place.shape)
    return scales[place.axis] if fits else place.count / place.source


def _depth_to_space(place: Place) -> Reach:
    block = int(place.node.attributes["blocksize"])
    if place.axis < 2:
        return _everything(place)
    if place.node.op_type == "DepthToSpace":
        origin = np.arange(place.count) // block
        return Reach(origin, origin)
    first = np.arange(place.count) * block
    return Reach(first, first + block - 1)


_RULES: Mapping[str, Callable[[Place], Reach]] = {
    **dict.fromkeys(having(Trait.WINDOWED), _windows),
    **dict.fromkeys(having(Trait.PRODUCT), _product),
    **dict.fromkeys(_NORMALISED_FROM | _NORMALISED_ALONG, _normalised),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _depth_to_space),
    "ConvTranspose": _transposed_windows,
    "Concat": _concat,
    "Pad": _pad,
    "Slice": _slice,
}
