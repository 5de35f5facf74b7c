"""How many whole inputs to run in one call: chosen by timing a few calls of the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from onnxplain.adapters.changes import Array, Block
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# Activations of a batch may take this many bytes.
_MEMORY = 1 << 30
# A larger batch has to be better by this factor: it costs memory.
_WORTH = 0.97


class BatchChoice:
    """The batch size of one model on this machine.

    Each candidate runs two calls, the first of which makes ONNX Runtime lay out its memory
    and is not timed. All calls compute inputs that are wanted anyway.

    Parameters
    ----------
    candidates : sequence of int
        In increasing order; a single one is taken as it is.
    """

    def __init__(self, candidates: Sequence[int]) -> None:
        self._candidates = list(candidates)
        self._seconds: dict[int, float] = {}

    @property
    def chosen(self) -> int | None:
        """The best candidate, once all have been timed."""
        if len(self._candidates) == 1:
            return self._candidates[0]
        if len(self._seconds) < len(self._candidates):
            return None
        best = self._candidates[0]
        for size in self._candidates[1:]:
            if self._seconds[size] < _WORTH * self._seconds[best]:
                best = size
        return best

    def run(
        self, work: Callable[[Sequence[int]], dict[str, Array]], indices: Sequence[int]
    ) -> Iterator[Block]:
        """Compute tensors for all inputs, batch by batch.

        Parameters
        ----------
        work : callable
            Computes the tensors of some inputs.
        indices : sequence of int
            The inputs.

        Yields
        ------
        Block
            In order.
        """
        done = 0
        for size in self._untimed(len(indices)):
            for timed in (False, True):
                part = indices[done : done + size]
                started = time.perf_counter()
                found = work(part)
                if timed:
                    self._seconds[size] = (time.perf_counter() - started) / size
                yield np.array(part), found
                done += size
        size = self.chosen or self._candidates[0]
        for start in range(done, len(indices), size):
            part = indices[start : start + size]
            yield np.array(part), work(part)

    def _untimed(self, count: int) -> Iterator[int]:
        """Candidates to time, if enough inputs are there to make it worth while."""
        if self.chosen is None and 4 * sum(self._candidates) <= count:
            yield from (c for c in self._candidates if c not in self._seconds)


def candidates(graph: Graph, shapes: Shapes, sizes: Sequence[int]) -> list[int]:
    """Return the sizes whose activations fit into memory, at least the smallest.

    ONNX Runtime frees what no later node reads, so that what one node reads and writes is
    a fair measure of what is alive.
    """
    most = max(_alive(node, shapes) for node in graph.nodes)
    return [s for s in sizes if s * most <= _MEMORY] or [min(sizes)]


def _alive(node: Node, shapes: Shapes) -> int:
    names = (*node.inputs, *node.outputs)
    return sum(4 * int(np.prod(shapes[n][1:])) for n in names if n in shapes)
