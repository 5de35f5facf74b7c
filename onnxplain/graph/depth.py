"""How deep in a network a tensor lies, counted in layers with weights.

What the axes of tensors mean does not matter here: where that is lost, the count still tells
that much of the network lies after a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onnxplain.graph.operators import WEIGHTED, Trait, having
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_PRODUCTS = having(Trait.PRODUCT)


@dataclass(frozen=True)
class Depths:
    """Layers with weights before and after every tensor between picture and scores.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes for a batch of one.
    image, scores : str
        The tensors between which layers count.
    """

    graph: Graph
    shapes: Shapes
    image: str
    scores: str

    def share(self, tensor: str) -> float:
        """Share of the layers with weights that a tensor is computed by."""
        count = self._every.bit_count()
        return self._before.get(tensor, 0).bit_count() / count if count else 0.0

    def beside(self, tensor: str) -> int:
        """How many of `placed` a tensor is not computed by."""
        return (self._placed & ~self._before.get(tensor, 0)).bit_count()

    @property
    def placed(self) -> int:
        """How many layers with weights work on places; the last ones, which score, do not count."""
        return self._placed.bit_count()

    def before(self, tensor: str) -> int:
        """How many layers with weights a tensor is computed by."""
        return self._before.get(tensor, 0).bit_count()

    def reach(self, tensor: str) -> float:
        """Share of the last layers with weights that a tensor reaches."""
        reached = self._after.get(tensor, 0) & self._last
        return reached.bit_count() / max(self._last.bit_count(), 1)

    @cached_property
    def _bits(self) -> dict[str, int]:
        """A bit for each layer with weights, by the tensor that it writes."""
        between = self.graph.descendants([self.image]) & self.graph.ancestors(self.scores)
        written = [n.output for n in self.graph.nodes if _has_weights(self, n)]
        return {name: 1 << k for k, name in enumerate(n for n in written if n in between)}

    @cached_property
    def _before(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for node in self.graph.nodes:
            own = self._bits.get(node.output, 0)
            for name in node.reads:
                own |= found.get(name, 0)
            found.update(dict.fromkeys(node.outputs, own))
        return found

    @cached_property
    def _after(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for node in reversed(self.graph.nodes):
            own = self._bits.get(node.output, 0)
            for name in node.outputs:
                own |= found.get(name, 0)
            for name in node.reads:
                found[name] = found.get(name, 0) | own
        return found

    @property
    def _every(self) -> int:
        return self._before.get(self.scores, 0)

    @cached_property
    def _placed(self) -> int:
        return self._together(n for n in self._bits if self._places(n) > 1) & ~self._last

    @cached_property
    def _last(self) -> int:
        return self._together(name for name in self._bits if not self._after.get(name, 0))

    def _places(self, tensor: str) -> int:
        """Places at which a layer with weights works: all but batch and channels."""
        shape = self.shapes.get(tensor, ())
        last = self.graph.producers[tensor].operator in _PRODUCTS
        return int(np.prod(shape[:-1] if last else shape[2:]))

    def _together(self, names: Iterator[str]) -> int:
        found = 0
        for name in names:
            found |= self._bits[name]
        return found


def _has_weights(depths: Depths, node: Node) -> bool:
    """Whether a factor is no activation, as both factors within attention are."""
    graph = depths.graph
    if node.operator not in WEIGHTED:
        return False
    fixed = (i for i in node.inputs if i and i not in graph.descendants_of_inputs)
    return any(len(_shape(depths, name)) > 1 for name in fixed)


def _shape(depths: Depths, name: str) -> tuple[int, ...]:
    graph = depths.graph
    return graph.constant_shape(name) if graph.is_constant(name) else depths.shapes.get(name, ())
