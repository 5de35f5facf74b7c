"""Run only what follows one tensor, for many values of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import in_batches
from onnxplain.adapters.batches import Batches
from onnxplain.graph.extract import declare, find_downstream, part_model
from onnxplain.graph.view import Graph

Array = NDArray[Any]
# Takes feeds by name, returns the outputs in order.
Session = Callable[[Mapping[str, Array]], Sequence[Array]]
# Makes a session from a model and the weights that were left out of it.
Open = Callable[[bytes, Mapping[str, Array]], Session]
# Returns named tensors for a batch of inputs.
Activations = Callable[[Array, Sequence[str]], dict[str, Array]]


class Rerun:
    """The network after a tensor, with its session; kept for all pictures.

    Parameters
    ----------
    graph : Graph
        The whole graph.
    start : str
        The tensor whose values are given.
    names : sequence of str
        The tensors that are wanted.
    activations : callable
        Runs the whole network.
    open_session : callable
        Opens the part of it.
    bound : mapping of str to array
        Values of the graph inputs beside the picture.

    Raises
    ------
    MethodRefusedError
        See `find_downstream`.
    """

    def __init__(
        self,
        graph: Graph,
        start: str,
        names: Sequence[str],
        activations: Activations,
        open_session: Open,
        bound: Mapping[str, Array],
    ) -> None:
        self._graph, self._activations, self._open = graph, activations, open_session
        self._bound = dict(bound)
        self._start, self._names = start, tuple(names)
        self._part = find_downstream(graph, start, names)
        self._beside = tuple(n for n in self._part.entering if n != start)
        self._session: Session | None = None
        self._sides: tuple[Array, int, dict[str, Array]] | None = None

    def run(self, x: Array, values: Array, batches: Batches) -> dict[str, Array]:
        """Return the wanted tensors.

        Parameters
        ----------
        x : (1, ...) array
            The input that everything beside the tensor belongs to.
        values : (M, ...) array
            Values of the tensor.
        batches : Batches
            How many of them in one call.
        """
        size, fixed = batches.at_once(len(values)), batches.fixed
        if self._beside:
            # What stands beside has one batch size: a measured shape may hold it.
            fixed = fixed or size
        sides = self._around(x, fixed or 1)

        def run(batch: Array) -> dict[str, Array]:
            feeds = {self._start: batch, **sides}
            if self._session is None:
                given = [declare(n, v.dtype, [None] * v.ndim) for n, v in feeds.items()]
                model, weights = part_model(self._graph, self._part, given, self._names)
                self._session = self._open(model.SerializeToString(), weights)
            return dict(zip(self._names, self._session(feeds), strict=True))

        if not self._beside:
            return batches.run(run, values, ("after", self._start, *self._names))
        return in_batches(run, values, size, fixed, apart=batches.apart(len(values)))

    def _around(self, x: Array, batch: int) -> dict[str, Array]:
        if self._sides is None or self._sides[1] != batch or not np.array_equal(self._sides[0], x):
            known = {n: v for n, v in self._bound.items() if n in self._beside}
            wanted = [n for n in self._beside if n not in known]
            found = self._activations(np.repeat(x, batch, axis=0), wanted) if wanted else {}
            self._sides = (x.copy(), batch, {**known, **found})
        return self._sides[2]
