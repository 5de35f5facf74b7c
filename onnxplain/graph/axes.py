"""What the axes of every tensor mean: batch, channel, height, width, token.

Tags start at the image input and follow the operators. A reshape from H x W to one axis
marks a token axis and remembers the grid; token streams that lose their tags on the way
through attention come back by their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from onnxplain.graph.operators import IN_PLACE, JOINING, Trait, having
from onnxplain.graph.squeeze import squeezed_axes
from onnxplain.graph.view import Graph, Node

if TYPE_CHECKING:
    from onnxplain.graph.image_input import ImageInput
    from onnxplain.graph.shapes import Shapes

Tags = tuple[str, ...]
# Class, distillation and register tokens in front of the image's tokens.
PREFIXES = (0, 1, 2, 4, 5)

_SPATIAL = having(Trait.SPATIAL)
_KEEPING = IN_PLACE | having(Trait.KEEPS_AXES | Trait.REDUCES)
_PRODUCTS = having(Trait.PRODUCT)
# Where the second operand of a product stands, if it is not the second input.
_SECOND_OPERAND = {"QLinearMatMul": 3, "com.microsoft::QGemm": 3}
# What a token stream comes out of behind attention.
_STREAM = frozenset("Reshape Squeeze Add MatMul Transpose QLinearAdd QLinearMatMul".split())


@dataclass(frozen=True)
class Axes:
    """Axis meanings of all tensors that have any.

    Attributes
    ----------
    tags : mapping of str to tuple of str
        One of N, C, H, W, L (tokens) for each axis.
    grids : tuple of (int, int)
        Heights and widths that were flattened to tokens, in order.
    """

    tags: Mapping[str, Tags]
    grids: tuple[tuple[int, int], ...]


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
    tags: dict[str, Tags] = {image.name: tuple(image.layout)}
    grids: list[tuple[int, int]] = []
    for node in graph.nodes:
        shape = shapes.get(node.output)
        if shape is None:
            continue
        found = _step(graph, node, shape, tags, shapes, grids) or _recover(node, shape, grids)
        if found is None:
            continue
        for output in node.outputs:
            if len(shapes.get(output, ())) == len(found):
                tags[output] = found
    return Axes(MappingProxyType(tags), tuple(dict.fromkeys(grids)))


def _step(
    graph: Graph,
    node: Node,
    shape: tuple[int, ...],
    tags: Mapping[str, Tags],
    shapes: Shapes,
    grids: list[tuple[int, int]],
) -> Tags | None:
    tagged = [i for i in node.inputs if i in tags and i in shapes]
    if not tagged:
        return None
    first = tags[tagged[0]]
    kind = node.operator
    if kind in _SPATIAL and node.attributes.get("channels_last"):
        return first if len(first) == len(shape) else None
    if kind in _SPATIAL:
        return ("N", "C", *first[2:]) if len(first) == len(shape) else None
    if kind in _KEEPING:
        return first if len(first) == len(shape) else None
    if kind in JOINING or kind in ("Concat", "com.microsoft::QLinearConcat"):
        fitting = [tags[i] for i in tagged if len(tags[i]) == len(shape)]
        return max(fitting, key=_spatial_axes, default=None)
    if kind == "Transpose":
        order = node.attributes.get("perm") or list(range(len(first)))[::-1]
        return tuple(first[p] for p in order) if len(order) == len(first) else None
    if kind in _PRODUCTS and len(first) == len(shape) and not turns_first_operand(node):
        fixed = node.inputs[_SECOND_OPERAND.get(kind, 1)] not in graph.descendants_of_inputs
        return (*first[:-1], "C") if fixed else None
    # The axis of a batch of one goes and comes where files take one picture at a time.
    if kind == "Squeeze" and first[0] == "N" and squeezed_axes(graph, node, len(first)) == (0,):
        return first[1:]
    if kind == "Unsqueeze" and "N" not in first and squeezed_axes(graph, node, len(shape)) == (0,):
        return ("N", *first)
    if kind in ("Reshape", "Flatten"):
        return _reshaped(first, shapes[tagged[0]], shape, grids)
    return None


def turns_first_operand(node: Node) -> bool:
    """Whether a product transposes its first operand, so that its last axis is not the channels."""
    return any(node.attributes.get(key) for key in ("transA", "transBatchA"))


def _spatial_axes(tags: Tags) -> int:
    return sum(t in ("H", "W", "L") for t in tags)


def _reshaped(
    tags: Tags, old: tuple[int, ...], new: tuple[int, ...], grids: list[tuple[int, int]]
) -> Tags | None:
    if old == new:
        return tags
    if "H" not in tags or "W" not in tags:
        return None
    if tags[-2:] == ("H", "W") and old[-2:] == new[-2:] and len(new) in (4, 5):
        # Channels are only grouped or joined again, as around a channel shuffle.
        return ("N", *("C",) * (len(new) - 3), "H", "W")
    if (moved := _moved_single_axis(tags, old, new)) is not None:
        return moved
    grid = (old[tags.index("H")], old[tags.index("W")])
    tokens = grid[0] * grid[1]
    if tokens == 1:
        return None
    grids.append(grid)
    # Flattening keeps the order of the axes; where H was, the tokens are.
    merged = tuple(t for t in ("N", *tags[1:]) if t != "W")
    places = tuple("L" if t == "H" else t for t in merged)
    if len(new) == len(places) == 3 and new[places.index("L")] == tokens:
        return places
    return None


def _moved_single_axis(tags: Tags, old: tuple[int, ...], new: tuple[int, ...]) -> Tags | None:
    """Tags when only an axis of length one moved, as from (N, H, W, 1) to (N, 1, H, W)."""
    kept = [(t, d) for t, d in zip(tags[1:], old[1:], strict=True) if d != 1]
    if len(old) != len(new) or [d for _, d in kept] != [d for d in new[1:] if d != 1]:
        return None
    spare = iter([t for t, d in zip(tags[1:], old[1:], strict=True) if d == 1])
    longer = iter([t for t, _ in kept])
    return ("N", *(next(spare) if d == 1 else next(longer) for d in new[1:]))


def _recover(node: Node, shape: tuple[int, ...], grids: list[tuple[int, int]]) -> Tags | None:
    """Tags of a token stream or a feature map that comes back out of attention."""
    if len(shape) == 3 and node.op_type in _STREAM:
        for height, width in reversed(grids):
            for prefix in PREFIXES:
                if shape[1] == height * width + prefix:
                    return ("N", "L", "C")
    if len(shape) == 4 and node.op_type == "Reshape" and shape[1:3] in grids:
        return ("N", "H", "W", "C")
    return None
