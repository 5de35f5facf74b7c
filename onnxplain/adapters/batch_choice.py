"""How many inputs to run in one call: chosen by timing a few calls of the work itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.graph.budget import memory_allowed
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node
from onnxplain.text import shown

T = TypeVar("T")
# Activations of a batch may take this many bytes.
_MEMORY = 1 << 30
# Where no batch is timed, those of a small network stay about as large as a core's own cache.
_CACHE = 1 << 21
# Gradients need all of them at once.
_MEMORY_OF_GRADIENTS = 2 << 30
# A larger batch has to be better by this factor: it costs memory.
_WORTH = 0.99
# Of a candidate that is not better than the best one by more than this, another call is timed.
_DOUBTFUL = 0.05
# A candidate that is so much worse ends the search, and so do this many in a row that are no
# better.
_HOPELESS, _PATIENCE = 1.1, 2
_PAIR = 2
# Fewer operations in a batch of 32 make no batch better than another by what can be seen, or by
# what the search costs.
_LITTLE, _BATCH = 5e8, 32


class BatchChoice:
    """The batch size of one kind of work on this machine.

    Each candidate runs two or three calls, the first of which makes the engine lay out its
    memory and is not timed; the second may still touch it for the first time. Of those that are
    timed the shortest counts, since other programs only ever lengthen one. All calls compute
    what is wanted anyway. The search goes from small to large and ends early: a small batch
    that turns out slow has cost little, while a large one touches memory for the first time,
    which can cost more than a good batch gains.

    Parameters
    ----------
    candidates : sequence of int
        In increasing order; a single one is taken as it is.

    Attributes
    ----------
    most : int
        The largest candidate.
    parts : bool, optional
        Whether results can be joined; `joined` finds out.
    """

    def __init__(self, candidates: Sequence[int]) -> None:
        self._left = list(candidates)
        self._seconds: dict[int, float] = {}
        self._calls, self._worse = 0, 0
        self._best, self.most = self._left[0], self._left[-1]
        self.parts: bool | None = None
        self._noting = Lock()  # calls may run side by side
        if len(self._left) == 1:
            self._left.clear()

    @property
    def chosen(self) -> int | None:
        """The best candidate, once that is known."""
        return None if self._left else self._best

    @property
    def best(self) -> int:
        """The best candidate so far."""
        return self._best

    @property
    def seconds(self) -> float | None:
        """Time for one input in the best batch; ``None`` if no call was timed."""
        return self._seconds.get(self._best)

    def run(self, work: Callable[[slice], T], count: int) -> Iterator[tuple[slice, T]]:
        """Do work on all inputs, batch by batch.

        Parameters
        ----------
        work : callable
            Computes what is wanted for some inputs.
        count : int
            How many inputs there are.

        Yields
        ------
        slice
            Which inputs, in order.
        object
            What `work` returned for them.
        """
        done = 0
        while done < count:
            trial = next(iter(self._left), None)
            timed = trial is not None and trial <= count - done
            size = trial if timed and trial is not None else min(self._best, count - done)
            part = slice(done, done + size)
            started = time.perf_counter()
            found = work(part)
            if timed:
                self._note(size, (time.perf_counter() - started) / size)
            yield part, found
            done += size

    def _note(self, size: int, seconds: float) -> None:
        """Take in one call of the candidate that is being tried, and go on if it is settled."""
        with self._noting:
            if self._left and self._left[0] == size:
                self._take_in(size, seconds)

    def _take_in(self, size: int, seconds: float) -> None:
        self._calls += 1
        if self._calls == 1:
            return
        seconds = self._seconds[size] = min(seconds, self._seconds.get(size, math.inf))
        least = self._seconds.get(self._best, math.inf) if size != self._best else math.inf
        if self._calls == 2 and (size == self._best or seconds > (1 - _DOUBTFUL) * least):
            return
        del self._left[0]
        self._calls = 0
        if size == self._best or seconds < _WORTH * least:
            self._best, self._worse = size, 0
            return
        self._worse += 1
        if seconds > _HOPELESS * least or self._worse == _PATIENCE:
            self._left.clear()


def joined(
    choice: BatchChoice, work: Callable[[slice], dict[str, NDArray[Any]]], count: int
) -> dict[str, NDArray[Any]]:
    """Compute arrays for all inputs in measured batches, and join them along axis 0.

    An array that does not have the inputs on this axis cannot be joined: then all are computed
    by one call of `work`. A first call with two inputs tells.
    """
    parts = []
    if choice.parts is None:
        parts = [work(slice(0, _PAIR))]
        choice.parts = all(v.ndim > 0 and len(v) == _PAIR for v in parts[0].values())
    if not choice.parts:
        return work(slice(0, count))
    done = _PAIR * len(parts)

    def later(part: slice) -> dict[str, NDArray[Any]]:
        return work(slice(done + part.start, done + part.stop))

    parts.extend(found for _, found in choice.run(later, count - done))
    if len(parts) == 1:
        return parts[0]
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}


def is_work(operations: NDArray[np.float64]) -> bool:
    """Whether a network with so many operations for an input has batches that are worth timing.

    A rule that no clock has a part in: what small networks compute is the same bits each time.
    """
    return float(operations.sum()) * _BATCH >= _LITTLE


def forward_batch(nodes: Sequence[Node], shapes: Shapes, most: int, *, timed: bool = True) -> int:
    """Return how many inputs, up to `most`, nodes have memory for; at least 1.

    Where batches are not `timed`, they have to fit into a core's cache: a rule that no clock has a
    part in, and nearly always as fast as the best batch.

    ONNX Runtime frees what no later node reads, so that what one node reads and writes is
    a fair measure of what is alive.
    """
    alive = max((_alive(node, shapes) for node in nodes), default=0)
    return max(1, min(most, (_MEMORY if timed else _CACHE) // max(alive, 1)))


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
            f"{shown(node.output)!r}) needs {asked * alive:,} bytes, and the limit is "
            f"{memory_allowed():,}; use at most {fit:,}, or raise the limit with --budget "
            "memory-bytes=N"
        )


def _kept(graph: Graph, shapes: Shapes) -> int:
    names = {n for node in graph.nodes for n in node.outputs if n in shapes}
    return sum(4 * math.prod(shapes[n][1:]) for n in names if not graph.is_constant(n))


def _alive(node: Node, shapes: Shapes) -> int:
    names = (*node.inputs, *node.outputs)
    return sum(4 * int(np.prod(shapes[n][1:])) for n in names if n in shapes)
