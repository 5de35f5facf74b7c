"""Several calls of ONNX Runtime at a time, with one thread each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
# More calls at a time would wait for Python.
_MOST = 8
# Pieces of work that are begun for each call before the first of their results is asked for.
_AHEAD = 2


@dataclass(frozen=True)
class SideBySide:
    """How a number of threads is used for many small pieces of work.

    What a window changes is small, so that the threads of one call spend much of their time on
    waiting for each other. Calls that run side by side do not.

    Attributes
    ----------
    calls : int
        Calls at a time.
    threads : int
        Threads within an operator of each.
    """

    calls: int = 1
    threads: int = 1

    @classmethod
    def of(cls, threads: int) -> SideBySide:
        """Share threads out among calls."""
        calls = min(threads, _MOST)
        return cls(calls, threads // calls)

    def share(self, count: int, most: int) -> int:
        """Return the size of pieces, `most` at most, with which all calls have as much to do."""
        rounds = -(-count // (self.calls * most))
        return max(1, -(-count // max(1, rounds * self.calls)))

    def map(self, work: Callable[[S], T], pieces: Sequence[S]) -> list[T]:
        """Do all pieces of work, and return their results in order."""
        if self.calls < 2:
            return [work(p) for p in pieces]
        return list(self.stream(work, pieces))

    def stream(self, work: Callable[[S], T], pieces: Sequence[S]) -> Iterator[T]:
        """Do all pieces of work, and hand over their results in order.

        No call waits for the slowest of a round. A few results are kept until they are asked for.
        The threads end with the last piece: none is left for a process that is forked later.
        """
        calls = min(self.calls, len(pieces))
        if calls < 2:
            yield from map(work, pieces)
            return
        begun: deque[Future[T]] = deque()
        with ThreadPoolExecutor(calls) as pool:
            try:
                for piece in pieces:
                    begun.append(pool.submit(copy_context().run, work, piece))
                    if len(begun) > _AHEAD * calls:
                        yield begun.popleft().result()
                while begun:
                    yield begun.popleft().result()
            finally:
                for future in begun:
                    future.cancel()


ONE_BY_ONE = SideBySide()
