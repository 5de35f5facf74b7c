"""Which elements of a tensor belong to one Softmax."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from onnxplain.graph.answers.moves import Positions
from onnxplain.graph.answers.part import Part

Shapes = Mapping[str, tuple[int, ...]]


def softmax_along(
    shapes: Shapes, parts: Sequence[Part], shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Axes of a tensor along which all elements belong to one Softmax.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Of the tensors that the parts are anchored at.
    parts : sequence of Part
        Of a Softmax each; together all elements of the tensor.
    shape : tuple of int
        Of the tensor.

    Returns
    -------
    tuple of int or None
        Axes longer than one; ``None`` if the Softmaxes do not stand along axes.
    """
    first = parts[0]
    if len(parts) == 1 and first.untouched and shapes[first.anchor.tensor] == shape:
        return tuple(k for k in first.axes if shape[k] > 1)
    ids = np.full(math.prod(shape), -1, np.int64)
    start = 0
    for part in parts:
        own = group_ids(shapes, part)
        ids[slice(None) if part.slots is None else part.slots] = own + start
        start += math.prod(shapes[part.anchor.tensor])
    grid = ids.reshape(shape)
    along = tuple(
        k for k, n in enumerate(shape) if n > 1 and bool((grid == grid.take([0], axis=k)).all())
    )
    first_of_each = grid
    for axis in along:
        first_of_each = first_of_each.take([0], axis=axis)
    seen = np.zeros(start, bool)
    seen[first_of_each.ravel()] = True
    return along if np.count_nonzero(seen) == first_of_each.size else None


def group_ids(shapes: Shapes, part: Part) -> Positions:
    """For each element of a part the number of its Softmax."""
    full = shapes[part.anchor.tensor]
    across = tuple(1 if k in part.axes else n for k, n in enumerate(full))
    numbers = np.arange(math.prod(across), dtype=np.int64).reshape(across)
    each: Positions = np.broadcast_to(numbers, full).ravel()
    return each if part.anchor.flat is None else each[part.anchor.flat]


def group_size(shapes: Shapes, part: Part) -> int:
    """How many numbers one Softmax runs over."""
    full = shapes[part.anchor.tensor]
    return math.prod(full[k] for k in part.axes)
