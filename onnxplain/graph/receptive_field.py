"""Which part of the picture a unit of a feature map can see.

Worked out backwards through the graph, position by position and not by a formula of layer
sizes: branches, asymmetric padding, dilation and borders come out exactly. What padding adds
is no part of the picture, so fields are cut off at each layer's border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.axes import Axes
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.layers import spatial_layer
from onnxplain.graph.reach import Place, Reach, reach
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node


class Box(NamedTuple):
    """Pixels of the model's input: rows ``top`` to ``bottom - 1``, columns alike."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left


@dataclass(frozen=True)
class ReceptiveFields:
    """The fields of all units of one tensor.

    Attributes
    ----------
    rows, columns : Reach
        For each row and column of the map, the pixels that it sees. A tensor without places
        has one row and one column.
    """

    rows: Reach
    columns: Reach

    def box(self, row: int, column: int) -> Box:
        """Bounding box of what the unit in that row and column sees; empty if nothing."""
        (top, bottom), (left, right) = (
            (int(along.first[k]), int(along.last[k]) + 1)
            for along, k in ((self.rows, row), (self.columns, column))
        )
        return Box(top, left, bottom, right) if bottom > top and right > left else Box(0, 0, 0, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest field."""
        height, width = (int((a.last - a.first).max()) + 1 for a in (self.rows, self.columns))
        return max(height, 0), max(width, 0)


def receptive_fields(
    graph: Graph,
    shapes: Shapes,
    axes: Axes,
    image: ImageInput,
    tensor: str,
    *,
    through_mixing: bool = True,
) -> ReceptiveFields:
    """Find what the units of a tensor see of the picture.

    Parameters
    ----------
    graph, shapes, axes
        The prepared graph with its concrete shapes and axis meanings.
    image : ImageInput
        The explained input.
    tensor : str
        Any tensor that depends on it.
    through_mixing : bool
        Follow operators that mix all places (global pooling in a squeeze-and-excitation
        gate, normalisation over places). Without, such a branch is left out where another
        one leads on, and a normalisation is taken place by place: the field of the local
        path, through which a unit gets its shape.

    Returns
    -------
    ReceptiveFields
        Never too small. It can be too large after operators that are not known and after
        what puts places in another order (Swin's windows): there it is the whole picture.
    """
    walk = _Walk(graph, shapes, axes, image, through_mixing)
    rows, columns = (walk.fields(tensor, axis) for axis in ("H", "W"))
    return ReceptiveFields(rows, columns)


def field_sizes(
    graph: Graph, shapes: Shapes, axes: Axes, image: ImageInput
) -> dict[str, tuple[int, int]]:
    """Height and width of the largest field of every tensor, through the local paths.

    One pass over the graph for all tensors, where `receptive_fields` takes one for each.

    Parameters
    ----------
    graph, shapes, axes, image
        See `receptive_fields`.

    Returns
    -------
    dict of str to (int, int)
        Of all tensors that depend on the picture.
    """
    walk = _Walk(graph, shapes, axes, image, through_mixing=False)
    rows, columns = (walk.sizes(axis) for axis in ("H", "W"))
    return {name: (rows[name], columns[name]) for name in rows}


@dataclass(frozen=True)
class _Walk:
    graph: Graph
    shapes: Shapes
    axes: Axes
    image: ImageInput
    through_mixing: bool

    def fields(self, tensor: str, axis: str) -> Reach:
        count = self._length(tensor, axis)
        pixels = self.image.size["HW".index(axis)]
        seen: dict[str, Reach] = {tensor: Reach.same(count)}
        signal = self.graph.descendants([self.image.name])
        needed = self.graph.ancestors(tensor) & signal
        for node in reversed(self.graph.nodes):
            for output in node.outputs:
                if output not in needed or output not in seen:
                    continue
                for operand, found in self._operands(node, output, axis, needed):
                    through = seen[output].then(found)
                    old = seen.get(operand)
                    seen[operand] = through if old is None else old.joined(through)
        found_all = seen.get(self.image.name)
        if found_all is None or self._moved_about(tensor):
            return Reach.everything(count, pixels)
        order = self._order(tensor, axis)
        return Reach(found_all.first[order], found_all.last[order])

    def sizes(self, axis: str) -> dict[str, int]:
        """Largest field of every tensor, from the picture on; see `field_sizes`."""
        pixels = self.image.size["HW".index(axis)]
        signal = self.graph.descendants([self.image.name])
        known = {self.image.name: Reach.same(pixels)}
        for node in self.graph.nodes:
            for output in node.outputs:
                for operand, found in self._operands(node, output, axis, signal):
                    if operand in known:
                        through = found.then(known[operand])
                        old = known.get(output)
                        known[output] = through if old is None else old.joined(through)
        lengths = {name: int((r.last - r.first).max()) + 1 for name, r in known.items()}
        return {name: max(lengths.get(name, pixels), 0) for name in signal}

    def _operands(
        self, node: Node, output: str, axis: str, needed: set[str]
    ) -> Iterator[tuple[str, Reach]]:
        count = self._length(output, axis)
        offset = 0
        for operand in node.inputs:
            source = self._length(operand, axis)
            if operand in needed:
                own = self._axis(operand, axis)
                place = Place(self.graph, node, self.shapes, operand, own, source, count, offset)
                moved = self._moved_about(output) or self._moved_about(operand)
                found = Reach.everything(count, source) if moved else reach(place)
                if self.through_mixing or not found.mixes or count == source == 1:
                    yield operand, found
                elif node.op_type.endswith(("Normalization", "Softmax")):
                    yield operand, Reach.same(count)
            offset += self._joined_length(node, operand, source)

    def _moved_about(self, tensor: str) -> bool:
        """Whether the places of a tensor stand in an order that is none of rows and columns."""
        found = self.axes.grid_of.get(tensor)
        if found is None or found.order is None:
            return False
        if "L" in found.tags or found.order.size != math.prod(found.grid):
            return True
        rows, columns = np.divmod(found.order.reshape(found.grid), self._length(tensor, "W"))
        return bool((rows != rows[:, :1]).any() or (columns != columns[:1]).any())

    def _order(self, tensor: str, axis: str) -> slice | NDArray[np.int64]:
        """Where the picture's rows or columns stand along the axis."""
        found = self.axes.grid_of.get(tensor)
        if found is None or found.order is None:
            return slice(None)
        places = np.divmod(found.order.reshape(found.grid), self._length(tensor, "W"))
        return places[0][:, 0] if axis == "H" else places[1][0]

    def _joined_length(self, node: Node, operand: str, length: int) -> int:
        """Positions that an operand takes up in a Concat."""
        if node.op_type == "Concat" and self.graph.is_constant(operand):
            shape, joined = self.graph.constant_shape(operand), node.attributes["axis"]
            return shape[joined] if -len(shape) <= joined < len(shape) else length
        return length

    def _axis(self, tensor: str, axis: str) -> int:
        tags = self.axes.tags.get(tensor, ())
        for name in (axis, "L"):
            if name in tags:
                return tags.index(name)
        return -1

    def _length(self, tensor: str, axis: str) -> int:
        """Positions along the axis: of tokens, those of their grid; 1 where there are none."""
        tags = self.axes.tags.get(tensor, ())
        if axis in tags:
            return self.shapes[tensor][tags.index(axis)]
        if "L" in tags:
            layer = spatial_layer(self.graph, self.shapes, self.axes, tensor)
            return layer.grid["HW".index(axis)] if layer is not None else 1
        return 1
