"""One input's view of an output: its classes on one axis, places on the others."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from onnxplain.graph.answers.batch import BatchAxes
from onnxplain.graph.answers.moves import Positions, moved
from onnxplain.graph.answers.part import Part, Source
from onnxplain.graph.answers.trace import Tracer
from onnxplain.targets.reading import Activation, Piece, Reading


@dataclass(frozen=True, eq=False)
class View:
    """One input's elements of a tensor.

    Attributes
    ----------
    tensor : str
        The tensor.
    full : tuple of int
        Its shape with the batch.
    batch_axis : int or None
        Where inputs stand.
    shape : tuple of int
        The elements of one input, in the same order: without the batch, and without axes of
        length one where there is one vector, or with one where there is no axis of classes.
    axis : int
        The axis of classes in `shape`.
    """

    tensor: str
    full: tuple[int, ...]
    batch_axis: int | None
    shape: tuple[int, ...]
    axis: int

    @property
    def one(self) -> tuple[int, ...]:
        """Shape of one input's value."""
        return tuple(n for k, n in enumerate(self.full) if k != self.batch_axis)

    def slots(self) -> Positions:
        """Flat positions of one input's elements in the whole value, the first input's."""
        every: Positions = np.arange(math.prod(self.full), dtype=np.int64).reshape(self.full)
        first = every if self.batch_axis is None else every.take([0], axis=self.batch_axis)
        return first.ravel()

    def whole(self, activation: Activation = "none", scale: float = 1.0) -> Reading:
        """Read the tensor itself."""
        positions = None
        if self.one != self.shape:
            positions = np.arange(math.prod(self.shape), dtype=np.int64).reshape(self.shape)
        piece = Piece(self.tensor, positions, self.batch_axis)
        return Reading((piece,), self.axis, activation, scale)

    def part_of(self, part: Part) -> Part | None:
        """The elements of a part that belong to this input."""
        if self.batch_axis is None or self.full[self.batch_axis] == 1:
            return part
        slots = self.slots()
        return part.taken(slots, None)


def read_sources(
    tracer: Tracer,
    batches: BatchAxes,
    view: View,
    sources: list[tuple[Part, Source]],
    activation: Activation = "none",
) -> Reading | None:
    """Read other tensors in the places of a view.

    Parameters
    ----------
    tracer, batches
        Of the graph.
    view : View
        The output; its shape and axis are those of the result.
    sources : list of (Part, Source)
        For each of the parts that make up one input's elements, where it is read.
    activation : str
        Applied to what is read.

    Returns
    -------
    Reading or None
        ``None`` if a tensor keeps its inputs on no axis of their own, or if its elements are
        not entire classes.
    """
    scales = {source.scale for _, source in sources}
    settled = [_settle(tracer, batches, source) for _, source in sources]
    if len(scales) != 1 or any(s is None for s in settled):
        return None
    known = [s for s in settled if s is not None]
    scale = scales.pop()
    if len(known) == 1 and known[0][1] is None and sources[0][0].slots is None:
        tensor, _, axis = known[0]
        full = tracer.shapes[tensor]
        one = tuple(n for k, n in enumerate(full) if k != axis)
        if math.prod(one) != math.prod(view.shape):
            return None
        positions = None if one == view.shape else np.arange(math.prod(one)).reshape(view.shape)
        return Reading((Piece(tensor, positions, axis),), view.axis, activation, scale)
    number = np.full(math.prod(view.shape), -1, np.int64)
    position = np.zeros(math.prod(view.shape), np.int64)
    for k, ((part, _), (_, flat, _)) in enumerate(zip(sources, known, strict=True)):
        own = np.arange(len(number)) if part.slots is None else part.slots
        number[own], position[own] = k, own if flat is None else flat
    names = [tensor for tensor, _, _ in known]
    pieces = _pieces(view, number, position, names, [axis for _, _, axis in known])
    return None if pieces is None else Reading(pieces, view.axis, activation, scale)


def _pieces(
    view: View,
    number: Positions,
    position: Positions,
    names: list[str],
    axes: list[int | None],
) -> tuple[Piece, ...] | None:
    if (number < 0).any():
        return None
    columns = np.moveaxis(number.reshape(view.shape), view.axis, 0).reshape(
        view.shape[view.axis], -1
    )
    if (columns != columns[:, :1]).any():
        return None  # a class whose places come from different tensors
    of_class = columns[:, 0]
    starts = [0, *(np.flatnonzero(np.diff(of_class)) + 1), len(of_class)]
    positions = position.reshape(view.shape)
    found = []
    for start, end in itertools.pairwise(starts):
        run = positions.take(np.arange(start, end), axis=view.axis)
        k = int(of_class[start])
        found.append(Piece(names[k], run, axes[k]))
    return tuple(found)


def _settle(
    tracer: Tracer, batches: BatchAxes, source: Source
) -> tuple[str, Positions | None, int | None] | None:
    """Go back to a tensor with a batch axis of its own; positions there in one input's value."""
    for _ in range(8):
        if source.tensor not in tracer.shapes:
            return None
        where = batches.of(source.tensor)
        if where.clear:
            break
        move = moved(tracer.graph, tracer.shapes, source.tensor)
        if move is None or len(move.tensors) != 1:
            return None
        front = Source(move.tensors[0], move.flat, source.scale)
        source = (
            front
            if source.flat is None
            else replace(front, flat=None).at(
                source.flat if front.flat is None else front.flat[source.flat]
            )
        )
    else:
        return None
    full = tracer.shapes[source.tensor]
    if source.flat is None:
        return source.tensor, None, where.axis
    if where.axis is None or full[where.axis] == 1:
        return source.tensor, source.flat, where.axis
    coordinates = list(np.unravel_index(source.flat, full))
    if coordinates.pop(where.axis).any():
        return None  # an element that belongs to another input
    one = tuple(n for k, n in enumerate(full) if k != where.axis)
    flat = np.ravel_multi_index(coordinates, one) if one else np.zeros_like(source.flat)
    return source.tensor, flat.astype(np.int64), where.axis
