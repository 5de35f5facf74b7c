"""Which nodes are local: a cell of their output depends on cells near by, and on nothing else.

Height and width are followed through the graph wherever they go, so that channels-last
exports, transposed blocks and channel shuffles count too. What is not known to be local
ends the local part: nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.padding import kernel_size, kernel_walks
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.training import trains
from onnxplain.graph.view import Graph, Node
from onnxplain.graph.windows import POINTWISE, Sliding

# What the element type of a grid is after them is read off the node.
_RETYPED = frozenset({"Cast", "QuantizeLinear", "DequantizeLinear"})
_RETYPING = having(Trait.RETYPES) - _RETYPED
# Operators of one input, or of several that broadcast, that compute each cell by itself. A scale
# that is measured on the whole (`Trait.COMMON_SCALE`) is not at hand in a crop.
_ELEMENTWISE = having(Trait.ELEMENTWISE | Trait.JOINS) - _RETYPING
_NORMALISED = having(Trait.NORMALISES_ALONG)
# Those of ONNX Runtime may have the channels last, or add another tensor.
_KERNELS = {n for n in having(Trait.WINDOWED) - _RETYPING if "::" not in n}
# Until here, Softmax and its like flatten all axes after its own.
_SOFTMAX_OF_ONE_AXIS = 13


@dataclass(frozen=True)
class Grid:
    """Where a tensor keeps height and width.

    Attributes
    ----------
    axes : (int, int)
        Axes of height and width, batch counted.
    size : (int, int)
        Cells along them.
    dtype : numpy.dtype
        Element type.
    """

    axes: tuple[int, int]
    size: tuple[int, int]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class LocalNode:
    """How a local node walks along height and width."""

    steps: tuple[Sliding, Sliding] = (POINTWISE, POINTWISE)

    @property
    def pointwise(self) -> bool:
        """Whether each output cell depends on its own input cell alone."""
        return self.steps == (POINTWISE, POINTWISE)


@dataclass(frozen=True)
class LocalPart:
    """The local nodes after the image, by node index, and the grids of their tensors."""

    nodes: Mapping[int, LocalNode]
    grids: Mapping[str, Grid]


def find_local(graph: Graph, shapes: Shapes, image: ImageInput) -> LocalPart:
    """Find all local nodes whose data comes from the image through local nodes alone.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes for a batch of one (or of the size that the file insists on).
    image : ImageInput
        The explained input.
    """
    axes = (2, 3) if image.layout == "NCHW" else (1, 2)
    grids = {image.name: Grid(axes, image.size, np.dtype(image.dtype))}
    nodes: dict[int, LocalNode] = {}
    for node in graph.nodes:
        found = _Reader(graph, shapes, grids, node).read()
        if found is not None:
            nodes[node.index], grid = found
            grids.update(dict.fromkeys((o for o in node.outputs if o), grid))
    return LocalPart(nodes, grids)


class _Reader:
    """One node under test."""

    def __init__(self, graph: Graph, shapes: Shapes, grids: Mapping[str, Grid], node: Node) -> None:
        self.graph, self.shapes, self.node = graph, shapes, node
        self.data = [i for i in node.inputs if i and not _fixed(graph, i)]
        if node.operator == "Slice":  # its bounds may follow from shapes, which hold no picture
            self.data = [i for i in self.data if i in graph.descendants_of_inputs]
        self.grids = [grids[i] for i in self.data if i in grids]

    def read(self) -> tuple[LocalNode, Grid] | None:
        node = self.node
        named = [o for o in node.outputs if o]
        if not named or any(o not in self.shapes for o in named):
            return None
        if node.op_type == "Reshape" and not node.domain:
            return self._pair(self._reshape())  # its second input may follow from shapes
        if not self.grids or len(self.grids) != len(self.data):
            return None
        read = _RULES.get(node.operator)
        if read is None or (len(named) > 1 and node.op_type != "Split"):
            return None
        return self._pair(read(self))

    def _pair(
        self, found: tuple[LocalNode, tuple[int, int]] | None
    ) -> tuple[LocalNode, Grid] | None:
        if found is None:
            return None
        local, axes = found
        shape = self.shapes[self.node.output]
        size = (shape[axes[0]], shape[axes[1]])
        return local, Grid(axes, size, self._dtype())

    def elementwise(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Inputs broadcast from their last axes; fixed ones must not vary over the grid."""
        rank = len(self.shapes[self.node.output])
        from_end = {
            tuple(a - len(self.shapes[i]) for a in g.axes)
            for i, g in zip(self.data, self.grids, strict=True)
        }
        if len(from_end) != 1 or len({g.size for g in self.grids}) != 1:
            return None
        ends = from_end.pop()
        axes = (ends[0] + rank, ends[1] + rank)
        if self._scales_vary(axes):
            return None
        for name in self.node.inputs:
            if name and _fixed(self.graph, name) and not self._quantises():
                shape = _fixed_shape(self.graph, self.shapes, name)
                over_the_grid = any(-e <= len(shape) and shape[e] != 1 for e in ends)
                if over_the_grid or (len(shape) == rank and shape[0] != 1):
                    return None
        return LocalNode(), axes

    def kernel(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """A convolution or pool over exactly height and width."""
        node, axes = self.node, self.grids[0].axes
        shape = self.shapes.get(self.data[0], ())
        if len(self.data) != 1 or self.data[0] != node.inputs[0] or len(shape) != 4:
            return None
        if sorted(axes) != [2, 3]:
            return None
        kernel = kernel_size(self.graph, self.shapes, node)
        if len(kernel) != 2:
            return None
        steps = [
            Sliding((w.kernel - 1) * w.dilation + 1, w.stride, w.before, w.after)
            for w in kernel_walks(node, shape[2:], kernel)
        ]
        return LocalNode((steps[axes[0] - 2], steps[axes[1] - 2])), axes

    def pad(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Padding with a constant; other modes read cells from elsewhere."""
        node, axes, graph = self.node, self.grids[0].axes, self.graph
        if node.attributes.get("mode", "constant") != "constant" or len(self.data) != 1:
            return None
        rank = len(self.shapes[node.output])
        pads = node.attributes.get("pads")
        if pads is None:
            if len(node.inputs) < 2 or not graph.is_constant(node.inputs[1]):
                return None
            pads = graph.constant(node.inputs[1]).tolist()
        if len(pads) != 2 * rank or min(pads) < 0:
            return None  # given for some axes only, or cut off
        steps = [Sliding(1, 1, pads[a], pads[a + rank]) for a in axes]
        return LocalNode((steps[0], steps[1])), axes

    def per_channel(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Statistics or neighbours along axis 1."""
        axes = self.grids[0].axes
        # In old files, every place may have statistics of its own.
        everywhere = self.node.attributes.get("spatial", 1) == 1
        if not everywhere or trains(self.node):
            return None
        return (LocalNode(), axes) if 1 not in axes else None

    def over_an_axis(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Along one axis that is neither batch nor height nor width."""
        node, grid = self.node, self.grids[0]
        flattens = node.operator in _NORMALISED - {"LpNormalization"}
        if flattens and self.graph.opsets.get("", 1) < _SOFTMAX_OF_ONE_AXIS:
            return None
        if node.op_type == "Concat" and len(self.data) != len(node.inputs):
            return None
        rank = len(self.shapes[node.output])
        default = 0 if node.op_type == "Split" else -1
        axis = node.attributes.get("axis", default) % rank
        same = all(g.axes == grid.axes and g.size == grid.size for g in self.grids)
        return (LocalNode(), grid.axes) if same and axis not in (0, *grid.axes) else None

    def over_axes(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """A reduction or slice whose axes are known and are neither batch, height nor width."""
        node, axes = self.node, self.grids[0].axes
        position = 3 if node.op_type == "Slice" else 1
        chosen = node.attributes.get("axes")
        if chosen is None and len(node.inputs) > position and node.inputs[position]:
            if not self.graph.is_constant(node.inputs[position]):
                return None
            chosen = self.graph.constant(node.inputs[position]).tolist()
        if not chosen or not node.attributes.get("keepdims", 1) or len(self.data) != 1:
            return None
        rank = len(self.shapes[self.data[0]])
        touched = {a % rank for a in chosen} & {0, *axes}
        return None if touched else (LocalNode(), axes)

    def normalised_end(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Layer normalisation over axes after height and width."""
        axes = self.grids[0].axes
        rank = len(self.shapes[self.node.output])
        first = self.node.attributes.get("axis", -1) % rank
        return (LocalNode(), axes) if len(self.data) == 1 and max(axes) < first else None

    def matrix(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Every cell's channels, on the last axis, times one fixed matrix."""
        node, axes = self.node, self.grids[0].axes
        rank = len(self.shapes[node.output])
        if self.data != [node.inputs[0]] or rank - 1 in axes:
            return None
        fixed = len(_fixed_shape(self.graph, self.shapes, node.inputs[1])) == 2
        return (LocalNode(), axes) if fixed else None

    def transpose(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Height and width may go anywhere but to the batch axis."""
        axes = self.grids[0].axes
        rank = len(self.shapes[self.node.output])
        order = self.node.attributes.get("perm") or list(range(rank))[::-1]
        if order[0] != 0:
            return None
        return LocalNode(), (order.index(axes[0]), order.index(axes[1]))

    def _reshape(self) -> tuple[LocalNode, tuple[int, int]] | None:
        """Axes before or after height and width may split and merge."""
        source = self.node.inputs[0]
        if source not in self.data or not self.grids:
            return None
        old, new = self.shapes.get(source, ()), self.shapes[self.node.output]
        axes = self.grids[0].axes
        first = min(axes)
        if abs(axes[0] - axes[1]) != 1 or not new or old[0] != new[0]:
            return None
        place = next(
            (
                k
                for k in range(1, len(new) - 1)
                if new[k : k + 2] == old[first : first + 2]
                and math.prod(new[:k]) == math.prod(old[:first])
            ),
            None,
        )
        if place is None:
            return None
        return LocalNode(), (axes[0] - first + place, axes[1] - first + place)

    def _quantises(self) -> bool:
        return self.node.op_type in ("QuantizeLinear", "DequantizeLinear")

    def _scales_vary(self, axes: tuple[int, int]) -> bool:
        """Whether a quantisation has a scale of its own for each row or column."""
        node = self.node
        if not self._quantises():
            return False
        scale = _fixed_shape(self.graph, self.shapes, node.inputs[1])
        if math.prod(scale) == 1:
            return False
        axis = node.attributes.get("axis", 1) % len(self.shapes[node.output])
        return len(scale) > 1 or axis in (0, *axes)

    def _dtype(self) -> np.dtype[Any]:
        node, own = self.node, self.grids[0].dtype
        if node.op_type == "Cast":
            return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]))
        if node.op_type == "DequantizeLinear":
            return self.graph.constant(node.inputs[1]).dtype
        if node.op_type == "QuantizeLinear":
            given = node.attributes.get("output_dtype", 0)
            if given:
                return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(given))
            zero = node.inputs[2] if len(node.inputs) > 2 else ""
            return self.graph.constant(zero).dtype if zero else np.dtype(np.uint8)
        return own


def _fixed(graph: Graph, name: str) -> bool:
    """Whether a tensor is a constant, or a constant that is stored quantised."""
    if graph.is_constant(name):
        return True
    node = graph.producers.get(name)
    return (
        node is not None
        and node.operator == "DequantizeLinear"
        and all(graph.is_constant(i) for i in node.inputs if i)
    )


def _fixed_shape(graph: Graph, shapes: Shapes, name: str) -> tuple[int, ...]:
    return graph.constant_shape(name) if graph.is_constant(name) else shapes[name]


_RULES: dict[str, Callable[[_Reader], tuple[LocalNode, tuple[int, int]] | None]] = {
    **dict.fromkeys(_ELEMENTWISE, _Reader.elementwise),
    **dict.fromkeys(_KERNELS, _Reader.kernel),
    **dict.fromkeys(having(Trait.PER_CHANNEL), _Reader.per_channel),
    **dict.fromkeys(("Concat", "Split", *_NORMALISED), _Reader.over_an_axis),
    **dict.fromkeys(("Slice", *having(Trait.REDUCES)), _Reader.over_axes),
    **dict.fromkeys(having(Trait.NORMALISES_END), _Reader.normalised_end),
    "MatMul": _Reader.matrix,
    "Pad": _Reader.pad,
    "Transpose": _Reader.transpose,
}
