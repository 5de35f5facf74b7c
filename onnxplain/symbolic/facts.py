"""What has to be known of a graph's tensors to write derivatives down: shape and type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.view import Graph

#: Lengths of a tensor's axes; ``None`` where it changes with the batch.
Shape = tuple[int | None, ...]
Array = NDArray[Any]
# Inputs after the first of these are numbers that a derivative must know.
_PARAMETERS = frozenset(
    "Slice Pad Split Tile Gather Resize Upsample Expand Unsqueeze Squeeze Clip Reshape".split()
)


@dataclass(frozen=True)
class Facts:
    """Shapes, types and parameters of the tensors of a graph.

    Attributes
    ----------
    shapes : mapping of str to tuple of (int or None)
        Of all tensors, constants included.
    types : mapping of str to numpy.dtype
        Element types.
    values : mapping of str to array
        Numbers that no constant holds and that are the same for all pictures and batches, as
        those computed from shapes.
    open_axes : mapping of str to tuple of (int or str)
        The shapes of measured tensors again, with a name for each length that changes with the
        batch. Lengths that were equal for every batch have the same one, so that who plans memory
        sees that tensors are of one size.
    """

    shapes: Mapping[str, Shape]
    types: Mapping[str, np.dtype[Any]]
    values: Mapping[str, Array] = field(default_factory=dict)
    open_axes: Mapping[str, tuple[int | str, ...]] = field(default_factory=dict)

    def declared(self, name: str) -> Sequence[int | str | None]:
        """Shape of a tensor as an input of a model declares it."""
        return self.open_axes.get(name, self.shapes[name])


def measure_facts(
    graph: Graph,
    inputs: Sequence[Array],
    run: Callable[[Array, Sequence[str]], dict[str, Array]],
    wanted: Collection[str] | None = None,
) -> Facts:
    """Measure the facts of a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    inputs : sequence of array
        Inputs of different batch sizes, or one if the file fixes it.
    run : callable
        Returns the named tensors for an input.
    wanted : collection of str, optional
        The tensors whose facts are needed; all if not given.
    """
    fed = {i.name for i in graph.inputs}
    names = [n for n in graph.tensor_names() if n not in fed and (wanted is None or n in wanted)]
    moving = graph.descendants_of_inputs
    parameters = {
        name
        for node in graph.nodes
        if node.op_type in _PARAMETERS
        for name in node.inputs[1:]
        if name and not graph.is_constant(name) and name not in moving
    }
    parameters.intersection_update(names)
    seen: list[tuple[dict[str, tuple[int, ...]], dict[str, Array]]] = []
    types: dict[str, np.dtype[Any]] = {}
    for x in inputs:
        values = run(x, names)
        types.update({n: v.dtype for n, v in values.items()})
        kept = {n: np.array(values[n]) for n in parameters if n in values}
        seen.append(({n: v.shape for n, v in values.items()}, kept))
        del values
    first, last = seen[0], seen[-1]
    shapes: dict[str, Shape] = {
        n: tuple(a if a == b else None for a, b in zip(s, last[0][n], strict=True))
        for n, s in first[0].items()
    }
    open_axes = {
        n: tuple(a if a == b else f"batch_{a}_{b}" for a, b in zip(s, last[0][n], strict=True))
        for n, s in first[0].items()
    }
    for info in graph.inputs:
        types[info.name] = info.dtype
        shapes[info.name] = tuple(info.lengths)
    for name in graph.constant_names:
        shapes[name] = graph.constant_shape(name)
        types[name] = graph.constant(name).dtype
    fixed = {n: v for n, v in first[1].items() if np.array_equal(v, last[1][n])}
    return Facts(shapes, types, fixed, open_axes)
