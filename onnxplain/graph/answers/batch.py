"""On which axis of a tensor the inputs of a batch stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph

_RANK = 4


@dataclass(frozen=True)
class BatchAxis:
    """Where inputs stand in a tensor.

    Attributes
    ----------
    axis : int or None
        The axis; ``None`` if the tensor holds one input without a batch axis.
    clear : bool
        False if inputs share an axis with something else.
    """

    axis: int | None
    clear: bool = True


class BatchAxes:
    """The batch axis of each tensor, from the names of dimensions and from a batch twice as large.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes for `size` inputs.
    image : ImageInput
        The explained input.
    """

    def __init__(self, graph: Graph, shapes: Shapes, image: ImageInput) -> None:
        self._graph, self._shapes, self._image = graph, shapes, image
        self.size = image.batch or 1

    @cached_property
    def _doubled(self) -> Shapes:
        if len(self._shapes.get(self._image.name, ())) != _RANK:
            return {}  # a picture without a batch axis
        return infer_shapes(self._graph, replace(self._image, batch=2 * self.size))

    @cached_property
    def _named(self) -> dict[str, int]:
        """Axes of graph outputs whose dimension has the name of the input's batch."""
        declared = next((i.shape for i in self._graph.inputs if i.name == self._image.name), None)
        name = declared[0] if declared else None
        if not isinstance(name, str):
            return {}
        return {
            o.name: o.shape.index(name)
            for o in self._graph.outputs
            if o.shape is not None and o.shape.count(name) == 1
        }

    def of(self, tensor: str) -> BatchAxis:
        """Return the batch axis of a tensor whose shape is known."""
        shape, size = self._shapes[tensor], self.size
        named = self._named.get(tensor)
        if named is not None and named < len(shape) and shape[named] == size:
            return BatchAxis(named)
        doubled = self._doubled.get(tensor, ())
        if len(doubled) == len(shape):
            grown = [k for k, (a, b) in enumerate(zip(shape, doubled, strict=True)) if a != b]
            if len(grown) == 1 and shape[grown[0]] == size and doubled[grown[0]] == 2 * size:
                return BatchAxis(grown[0])
            if grown:
                # Steps or classes share an axis with the inputs. A single input owns it all.
                return BatchAxis(None, clear=False)
        if shape and shape[0] == size:
            return BatchAxis(0)
        fitting = [k for k, n in enumerate(shape) if n == size]
        if self._image.batch is not None and len(fitting) == 1:
            return BatchAxis(fitting[0])
        # A file for one input alone needs no batch axis; others would mix their inputs.
        return BatchAxis(None, clear=size == 1)
