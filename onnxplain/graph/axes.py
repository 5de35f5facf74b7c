"""What the axes of every tensor mean: batch, channel, height, width, token.

The place of every element is followed from the image input on, so that the meaning of an axis
is derived: also where patches are folded into channels, tokens stand in another order, or
windows are cut out and put back. Where an operator is not known, a stream of tokens comes back
by its length, as a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from onnxplain.graph.arrangement import Arrangement, Tags, arranged, place_marks
from onnxplain.graph.nonsense import unless_nonsense
from onnxplain.graph.place_rules import Step, next_places
from onnxplain.graph.places import Places, TooManyPlacesError, picture_places, token_places
from onnxplain.graph.shape_values import ShapeValues
from onnxplain.graph.view import Graph, Node

if TYPE_CHECKING:
    from onnxplain.graph.image_input import ImageInput
    from onnxplain.graph.shapes import Shapes

# Class, distillation and register tokens in front of the image's tokens.
PREFIXES = (0, 1, 2, 4, 5)

# What a token stream comes out of after attention.
_STREAM = frozenset("Reshape Squeeze Add MatMul Transpose QLinearAdd QLinearMatMul".split())
# Second inputs of these say which entries are taken, or where they are put.
_CHOOSING = frozenset("Gather GatherElements GatherND ScatterElements ScatterND Compress".split())
_TOKENS, _MAPS = ("C", "L", "N"), ("C", "H", "N", "W")


@dataclass(frozen=True)
class Axes:
    """Axis meanings of all tensors that have any.

    Attributes
    ----------
    tags : mapping of str to tuple of str
        One of N, C, H, W, L (tokens) for each axis.
    grids : tuple of (int, int)
        Heights and widths that were flattened to tokens, in order.
    grid_of : mapping of str to Arrangement
        The grid of places that a tensor holds, also of those whose further axes are neither
        batch nor channels.
    guessed : frozenset of str
        Tensors whose places were guessed from lengths of axes.
    """

    tags: Mapping[str, Tags]
    grids: tuple[tuple[int, int], ...]
    grid_of: Mapping[str, Arrangement] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()


def tag_axes(graph: Graph, shapes: Shapes, image: ImageInput) -> Axes:
    """Tag the axes of every tensor that still has a place in the picture.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes; tensors without one stay untagged.
    image : ImageInput
        The explained input.
    """
    walk = _Walk(graph, shapes, image)
    walk.put(image.name, picture_places((image.batch or 1, *image.shape[1:]), image.layout))
    for node in graph.nodes:
        walk.pass_by(node)
    return Axes(
        MappingProxyType(walk.tags),
        tuple(dict.fromkeys(walk.grids)),
        MappingProxyType(walk.grid_of),
        frozenset(name for name, places in walk.known.items() if places.guessed),
    )


def turns_first_operand(node: Node) -> bool:
    """Whether a product transposes its first operand, so that its last axis is not the channels."""
    return any(node.attributes.get(key) for key in ("transA", "transBatchA"))


class _Walk:
    """Follows places through the graph, node by node."""

    def __init__(self, graph: Graph, shapes: Shapes, image: ImageInput) -> None:
        self._graph, self._shapes, self._size = graph, shapes, image.size
        self._values = ShapeValues(graph, shapes)
        self.known: dict[str, Places] = {}
        self.tags: dict[str, Tags] = {}
        self.grids: list[tuple[int, int]] = []
        self.grid_of: dict[str, Arrangement] = {}
        # Tensors in an order that differs from picture to picture: their lengths say nothing.
        self._sorted: set[str] = set()
        self._signal = graph.descendants([image.name])
        # Operators in place hand the same places on.
        self._read: dict[int, tuple[Places, Arrangement | None]] = {}

    def pass_by(self, node: Node) -> None:
        """Find the places of what a node writes."""
        if node.output not in self._shapes:
            return
        step = Step(self._graph, node, self._shapes, self.known, self._values)
        reads = any(i in self.known for i in node.inputs)
        ordered = not self._depends_on_picture(node)
        for output in node.outputs:
            found = None
            if reads:
                try:
                    found = unless_nonsense(next_places, step, output)
                except TooManyPlacesError:
                    found = None
            if found is None or not found.varying:
                if ordered:
                    found = self._recovered(node, output) or found
                else:
                    self._sorted.add(output)
            if found is not None:
                self.put(output, found)

    def put(self, name: str, places: Places) -> None:
        """Keep the places of a tensor, and what its axes are by them."""
        self.known[name] = places
        if id(places) not in self._read:
            self._read[id(places)] = places, arranged(places)
        found = self._read[id(places)][1]
        if found is None:
            if (tags := place_marks(places)) is not None:
                self.tags[name] = tags
            return
        self.grid_of[name] = found
        if "L" in found.tags:
            self.grids.append(found.grid)
        if _is_layer(found.tags):
            self.tags[name] = found.tags

    def _depends_on_picture(self, node: Node) -> bool:
        """Whether the order in which a node's output stands depends on the picture."""
        if any(i in self._sorted for i in node.inputs):
            return True
        if node.op_type not in _CHOOSING or len(node.inputs) < 2:
            return False
        values, chosen = node.inputs[:2]
        learned = chosen in self._signal and self._values.get(chosen) is None
        return learned and values in self.known

    def _recovered(self, node: Node, output: str) -> Places | None:
        """Places of a token stream or a feature map that comes back out of attention."""
        shape = self._shapes.get(output, ())
        if output != node.output:
            return None
        if len(shape) == 3 and node.op_type in _STREAM:
            for height, width in reversed(self.grids):
                prefix = shape[1] - height * width
                if prefix in PREFIXES:
                    return token_places(shape, 1, (height, width), self._size, prefix)
        if len(shape) == 4 and node.op_type == "Reshape" and shape[1:3] in self.grids:
            flat = (shape[0], shape[1] * shape[2], shape[3])
            found = token_places(flat, 1, (shape[1], shape[2]), self._size, 0)
            return found.reshaped(shape).marked("NHWC")
        return None


def _is_layer(tags: Tags) -> bool:
    """Whether these are axes of maps or tokens, of a batch or of one picture alone."""
    kinds = tuple(sorted({*tags, "N"}))
    if kinds not in (_TOKENS, _MAPS) or tags.count("N") > 1:
        return False
    # Channels may stand in groups, as around a channel shuffle.
    return tags.count("C") == 1 or (tags[-2:] == ("H", "W") and len(tags) == 5)
