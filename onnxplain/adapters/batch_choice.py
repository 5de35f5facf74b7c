"""How many whole inputs to run in one call: chosen by timing a few calls of the work itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from onnxplain.adapters.changes import Array, Block
from onnxplain.errors import UsageError
from onnxplain.graph.budget import memory_allowed
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node
from onnxplain.text import shown

# Activations of a batch may take this many bytes.
_MEMORY = 1 << 30
# Gradients need all of them at once.
_MEMORY_OF_GRADIENTS = 2 << 30
# A larger batch has to be better by this factor: it costs memory.
_WORTH = 0.97


class BatchChoice:
    """The batch size of one model on this machine.

    Each candidate runs two calls, the first of which makes ONNX Runtime lay out its memory
    and is not timed. All calls compute inputs that are wanted anyway. The first candidate that
    is no better than the one before ends it: larger ones would not be either, and memory that
    they touch for the first time can cost more than a good batch gains.

    Parameters
    ----------
    candidates : sequence of int
        In increasing order; a single one is taken as it is.
    """

    def __init__(self, candidates: Sequence[int]) -> None:
        self._candidates = list(candidates)
        self._seconds: dict[int, float] = {}
        self._asked = 0

    @property
    def chosen(self) -> int | None:
        """The best candidate, once that is known."""
        for size, larger in pairwise(self._candidates):
            if larger not in self._seconds:
                return None
            if self._seconds[larger] >= _WORTH * self._seconds[size]:
                return size
        return self._candidates[-1]

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
        """Candidates to time, if enough inputs are and were there to make it worth while."""
        self._asked += count
        tried = 2 * sum(self._candidates)
        if 2 * tried <= count and 4 * tried <= self._asked:
            for size in self._candidates:
                if self.chosen is None and size not in self._seconds:
                    yield size


def candidates(graph: Graph, shapes: Shapes, sizes: Sequence[int]) -> list[int]:
    """Return the sizes whose activations fit into memory, at least the smallest.

    ONNX Runtime frees what no later node reads, so that what one node reads and writes is
    a fair measure of what is alive.
    """
    most = max(_alive(node, shapes) for node in graph.nodes)
    return [s for s in sizes if s * most <= _MEMORY] or [min(sizes)]


def forward_batch(graph: Graph, shapes: Shapes, most: int) -> int:
    """Return how many inputs, up to `most`, have activations that fit into memory; at least 1."""
    alive = max((_alive(node, shapes) for node in graph.nodes), default=0)
    return max(1, min(most, _MEMORY // max(alive, 1)))


def gradient_batch(graph: Graph, shapes: Shapes, most: int) -> int:
    """Return the same of inputs of which all activations are kept."""
    return max(1, min(most, _MEMORY_OF_GRADIENTS // max(_kept(graph, shapes), 1)))


def asked_for_gradients(graph: Graph, shapes: Shapes, asked: int) -> int:
    """Return a batch size that somebody asked for, or what one process may hold of it."""
    return max(1, min(asked, memory_allowed() // max(_kept(graph, shapes), 1)))


def require_batch(graph: Graph, shapes: Shapes, asked: int) -> None:
    """Refuse a batch size that somebody asked for, and that no memory holds.

    Raises
    ------
    UsageError
        With the node that reads and writes most.
    """
    node = max(graph.nodes, key=lambda n: _alive(n, shapes), default=None)
    alive = 0 if node is None else _alive(node, shapes)
    if node is not None and asked > 1 and asked * alive > memory_allowed():
        fit = max(1, memory_allowed() // alive)
        raise UsageError(
            f"the batch size {asked:,} is too large: {node.op_type} (tensor "
            f"{shown(node.output)!r}) takes {asked * alive:,} bytes, and {memory_allowed():,} is "
            f"the limit; {fit:,} fit, or --budget memory-bytes=N where the machine has more"
        )


def _kept(graph: Graph, shapes: Shapes) -> int:
    names = {n for node in graph.nodes for n in node.outputs if n in shapes}
    return sum(4 * math.prod(shapes[n][1:]) for n in names if not graph.is_constant(n))


def _alive(node: Node, shapes: Shapes) -> int:
    names = (*node.inputs, *node.outputs)
    return sum(4 * int(np.prod(shapes[n][1:])) for n in names if n in shapes)
