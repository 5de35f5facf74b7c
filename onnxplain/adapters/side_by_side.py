"""Several calls of ONNX Runtime at a time, with one thread each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
# More calls at a time would wait for Python.
_MOST = 8


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

    def map(self, work: Callable[[S], T], pieces: Sequence[S]) -> list[T]:
        """Do all pieces of work, and return their results in order.

        The threads end with the call: none is left for a process that is forked later.
        """
        calls = min(self.calls, len(pieces))
        if calls < 2:
            return [work(piece) for piece in pieces]
        with ThreadPoolExecutor(calls) as pool:
            futures = [pool.submit(copy_context().run, work, piece) for piece in pieces]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()


ONE_BY_ONE = SideBySide()
