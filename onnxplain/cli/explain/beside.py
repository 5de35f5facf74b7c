"""Work beside the model's: pictures are read ahead of it, results drawn and written behind it.

Threads do it, not processes: decoders, PNG and zlib work without Python's lock, and so does the
model, while a process of its own would have to load everything and be sent every map.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

from onnxplain.boundary import STOPS
from onnxplain.cli.outcome import leave_threads
from onnxplain.process.background import BESIDE, settle

T = TypeVar("T")
S = TypeVar("S")
_AHEAD = 2
# As `nice` counts.
_GIVES_WAY = 5


class Beside:
    """Threads that read ahead and write behind, until the context is left.

    Leaving it waits for what was begun, also when an interrupt ends the work: files that are
    half written would be lost, and whole ones of what has been computed are worth having. But an
    interrupt does not wait for what hangs (`onnxplain.cli.outcome.leave_threads`).

    Parameters
    ----------
    workers : int
        Threads that write.
    ahead : int
        Pictures that are read before they are needed; each takes its pixels' memory.
    """

    def __init__(self, workers: int, ahead: int = _AHEAD) -> None:
        self._workers, self._ahead = workers, ahead
        self._readers = ThreadPoolExecutor(1, f"{BESIDE}-reading", _give_way)
        self._writers = ThreadPoolExecutor(workers, f"{BESIDE}-writing", _give_way)
        self._written: deque[Future[Any]] = deque()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: object, raised: BaseException | None, trace: object) -> None:
        try:
            if isinstance(raised, STOPS):
                self._break_off(raised)
            self._finish(wait=True)
        except STOPS as asked:
            self._break_off(asked)
            raise

    def _break_off(self, asked: BaseException) -> None:
        self._finish(wait=False)
        leave_threads(asked)

    def _finish(self, *, wait: bool) -> None:
        self._readers.shutdown(wait, cancel_futures=True)
        self._writers.shutdown(wait)

    def ahead(self, read: Callable[[S], T], sources: Sequence[S]) -> Iterator[tuple[S, Future[T]]]:
        """Yield each source with what is read of it, or the error, while the next is read.

        Parameters
        ----------
        read : callable
            Reads one source; only one runs at a time.
        sources : sequence
            In order.
        """
        begun: deque[tuple[S, Future[T]]] = deque()
        for source in sources:
            begun.append((source, self._readers.submit(read, source)))
            if len(begun) > self._ahead:
                yield begun.popleft()
        yield from begun

    def write(self, work: Callable[[], T]) -> Future[T]:
        """Begin work on a result; it starts in the order of the calls.

        Returns once no more of it waits than there are threads, so that results do not pile up
        in memory while the model is faster.
        """
        future = self._writers.submit(work)
        self._written.append(future)
        while len(self._written) > 2 * self._workers:
            self._written[0].exception()
            self._written.popleft()
        return future

    def follow(self, before: Sequence[Future[Any]], work: Callable[[], T]) -> Future[T]:
        """Begin work once other work has ended, on the thread that ended last.

        No thread waits meanwhile: with as many of them as cores, one core would be idle.

        Parameters
        ----------
        before : sequence of Future
            What `write` returned.
        work : callable
            Called once, whether they failed or not.
        """
        found: Future[T] = Future()
        lock, left = Lock(), 1 + len(before)

        def is_last() -> bool:
            nonlocal left
            with lock:
                left -= 1
                return left == 0

        def ended(_: Future[Any]) -> None:
            if is_last():
                settle(found, work)

        for one in before:
            one.add_done_callback(ended)
        # This one counts as well, so that the work is never done on the thread of the model.
        if is_last():
            return self.write(work)
        return found


def _give_way() -> None:
    """Let this thread have a processor when the model leaves one: all others wait for the model."""
    if sys.platform == "linux":  # elsewhere the whole process would give way
        with suppress(OSError):
            thread = threading.get_native_id()
            given = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(given, _GIVES_WAY))
