"""The axis of an output on which its classes or values stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from onnxplain.graph.answers.moves import Positions, moved
from onnxplain.graph.answers.places import View
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.answers.written_softmax import reduced_axes
from onnxplain.graph.axes import Axes, tag_axes
from onnxplain.graph.image_input import ImageInput

_MOST_STEPS = 12


class ClassAxis:
    """Finds the axis by the groups of a Softmax, by what the graph marks as channels, by habit.

    Parameters
    ----------
    tracer : Tracer
        Of the graph.
    image : ImageInput
        The explained input.
    """

    def __init__(self, tracer: Tracer, image: ImageInput) -> None:
        self._tracer, self._image = tracer, image

    @cached_property
    def _axes(self) -> Axes:
        return tag_axes(self._tracer.graph, self._tracer.shapes, self._image)

    def by_channels(self, tensor: str) -> int | None:
        """The axis of a tensor's whole value that runs over channels; -1 if none does.

        ``None`` if the graph does not say.
        """
        shape = self._tracer.shapes[tensor]
        flat: Positions | None = None
        for _ in range(_MOST_STEPS):
            full = self._tracer.shapes[tensor]
            tags = self._axes.tags.get(tensor, ())
            if tags.count("C") == 1 and len(tags) == len(full) and tags[0] == "N":
                channel = tags.index("C")
                if flat is None and full == shape:
                    return channel
                own = np.arange(int(np.prod(full))) if flat is None else flat
                return _varying(np.unravel_index(own, full)[channel].reshape(shape))
            front = self._front(tensor)
            if front is None:
                return None
            tensor, step = front
            if step is not None:
                flat = step if flat is None else step[flat]
        return None

    def _front(self, tensor: str) -> tuple[str, Positions | None] | None:
        graph, shapes = self._tracer.graph, self._tracer.shapes
        move = moved(graph, shapes, tensor)
        if move is not None:
            return (move.tensors[0], move.flat) if move.which is None else None
        node = graph.producers.get(tensor)
        if node is None or node.domain:
            return None
        if node.op_type.startswith("Reduce") and node.inputs[0] in shapes:
            full = shapes[node.inputs[0]]
            axes = reduced_axes(graph, node, len(full))
            if axes is None or len(axes) == len(full):
                return None
            kept: Positions = np.arange(int(np.prod(full)), dtype=np.int64).reshape(full)
            return node.inputs[0], kept[
                tuple(slice(1) if k in axes else slice(None) for k in range(len(full)))
            ].ravel()
        alike = [
            i
            for i in node.inputs
            if not graph.is_constant(i) and shapes.get(i) == shapes.get(tensor)
        ]
        return (alike[0], None) if len(alike) == 1 else None

    def by_habit(self, tensor: str, batch_axis: int | None) -> int | None:
        """Where exporters put the axis of classes; -1 if there seems to be none."""
        shape = self._tracer.shapes[tensor]
        rank = len(shape)
        if sum(n > 1 for k, n in enumerate(shape) if k != batch_axis) <= 1:
            return None
        if rank == 4:
            return self._image.layout.index("C")
        places = [n for k, n in enumerate(shape) if k != batch_axis]
        if len(places) == 2 and self._is_a_map(places):
            return -1
        return rank - 1

    def _is_a_map(self, places: Sequence[int]) -> bool:
        """Whether two lengths are those of the picture, or of the picture made smaller."""
        (height, width), (rows, columns) = self._image.size, places
        return rows >= 8 and height * columns == width * rows and height % rows == 0


def _varying(channels: Positions) -> int | None:
    axes = [
        k
        for k in range(channels.ndim)
        if channels.shape[k] > 1 and bool((channels != channels.take([0], axis=k)).any())
    ]
    if not axes:
        return -1
    return axes[0] if len(axes) == 1 else None


def one_view(tensor: str, full: tuple[int, ...], batch_axis: int | None, axis: int | None) -> View:
    """Make the view of one input.

    Parameters
    ----------
    tensor, full
        The tensor and its whole shape.
    batch_axis : int or None
        Where inputs stand.
    axis : int or None
        Axis of classes in the whole value; -1 if there is none.
    """
    one = tuple(n for k, n in enumerate(full) if k != batch_axis)
    longer = sum(n > 1 for n in one)
    if longer == 0 or (longer == 1 and (axis is None or (axis >= 0 and full[axis] > 1))):
        return View(tensor, full, batch_axis, (int(np.prod(one, dtype=np.int64)),), 0)
    if axis is None or axis < 0 or axis == batch_axis:
        if 1 in one:
            return View(tensor, full, batch_axis, one, one.index(1))
        return View(tensor, full, batch_axis, (1, *one), 0)
    inner = axis - (batch_axis is not None and batch_axis < axis)
    return View(tensor, full, batch_axis, one, inner)
