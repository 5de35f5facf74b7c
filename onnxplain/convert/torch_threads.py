"""PyTorch's threads: how those that wait behave, and how many work for us.

Both belong to the whole process, in which other code may use PyTorch as well.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from onnxplain import machine
from onnxplain.boundary import reason
from onnxplain.errors import MissingPackageError

# What tells OpenMP how threads wait; who sets one of them has decided.
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# Turns of a waiting thread before it sleeps, on a quiet machine: some microseconds.
_BRIEF = "1000"


def import_torch() -> None:
    """Import PyTorch, so that threads which wait for work sleep rather than spin.

    By default a waiting thread occupies its processor for some milliseconds. Where several
    programs share the processors, it takes the time of the very thread that it waits for;
    on a quiet machine some microseconds are worth it, since waking up takes as long
    (``docs/benchmarks.md`` has the figures). OpenMP reads how to wait when it is loaded, so
    the first import decides; the environment is as before afterwards. Nothing is changed if
    PyTorch has been imported, or if the environment says how threads wait.

    Raises
    ------
    MissingPackageError
        If PyTorch or onnx2torch is not installed, or PyTorch cannot be imported.
    """
    lacking = machine.lacks_pytorch()
    if lacking:
        raise MissingPackageError(
            f"this needs PyTorch: {lacking}; cam, grad-cam and occlusion work without it"
        )
    if "torch" in sys.modules or any(name in os.environ for name in _WAITING):
        return
    busy = machine.is_busy()
    name, value = ("OMP_WAIT_POLICY", "PASSIVE") if busy else ("GOMP_SPINCOUNT", _BRIEF)
    os.environ[name] = value
    collecting = gc.isenabled()
    gc.disable()  # what is made here stays: to look for cycles among it takes a fifth of the time
    try:
        import torch

        torch.get_num_threads()  # some runtimes read the environment at the first question
    except (ImportError, OSError) as error:  # a library of it that does not load
        raise MissingPackageError(f"PyTorch cannot be imported: {reason(error)}") from error
    finally:
        if collecting:
            gc.enable()
        os.environ.pop(name, None)


class _Scopes:
    """Who has asked for a number of threads, and what it was before anybody did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._before = 0

    @contextmanager
    def of(self, count: int) -> Iterator[None]:
        """Let PyTorch work with `count` threads."""
        import torch

        with self._lock:
            # A new thread takes the process's number at its first question. Asked now, it
            # cannot do so later, when another scope has ended and set another one.
            own = torch.get_num_threads()
            # What some open scope has set is nothing to return to.
            if not self._open:
                self._before = own
            self._open += 1
            torch.set_num_threads(count)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                torch.set_num_threads(self._before)


_SCOPES = _Scopes()


@contextmanager
def limited_threads(count: int | None) -> Iterator[None]:
    """Let PyTorch work with so many threads within an operator, on this thread, for a while.

    The number is the process's where a thread has none of its own yet: a thread that starts
    its first work in PyTorch while another one is in here takes over that number.

    Parameters
    ----------
    count : int, optional
        Threads; nothing happens without.
    """
    if count is None:
        yield
        return
    with _SCOPES.of(count):
        yield
