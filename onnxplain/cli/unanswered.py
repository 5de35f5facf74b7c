"""A request to stop that native code does not let through.

Python answers a signal when the main thread is back in Python: a decoder or an operator that hangs
never lets it. The system's part of a signal is done all the same, and wakes a thread here.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

# Of ONNX Runtime's calls, which end between two nodes when they are asked to.
_RUNNING = "onnxplain.adapters.ort_deadline"
_LOOKS_EVERY = 0.05
# Ignored by default, so that nobody misses it; Go's runtime takes it for the same end.
_WAKES = getattr(signal, "SIGURG", None)
# Whether a handler of Python has answered, of the running program.
_ANSWERED = [False]


def answer() -> None:
    """Note that a request to stop has come through; for handlers of signals."""
    _ANSWERED[0] = True


@contextmanager
def watched(
    numbers: Collection[int], patience: float, end: Callable[[int], None]
) -> Iterator[None]:
    """Let a thread end the process if no handler calls `answer` when it is asked to stop.

    Parameters
    ----------
    numbers : collection of int
        Signals that ask to stop, and whose handlers answer.
    patience : float
        Seconds until then; ONNX Runtime is asked to end its calls at once.
    end : callable
        Ends the process; takes the number of the signal.
    """
    _ANSWERED[0] = False
    reading, writing = socket.socketpair()
    writing.setblocking(False)

    def look() -> None:
        with suppress(OSError):
            while came := reading.recv(1):
                if came[0] in numbers:
                    _end_running()
                    until = time.monotonic() + patience
                    while not _ANSWERED[0]:
                        if time.monotonic() > until:
                            return end(came[0])
                        time.sleep(_LOOKS_EVERY)
                        _wake()
                    return None
        return None

    thread = threading.Thread(target=look, daemon=True, name="onnxplain-unanswered")
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    slept = None if _WAKES is None else signal.signal(_WAKES, lambda number, frame: None)
    thread.start()
    try:
        yield
    finally:
        answer()
        signal.set_wakeup_fd(before)
        writing.close()
        thread.join()
        reading.close()
        if _WAKES is not None:
            signal.signal(_WAKES, slept or signal.SIG_DFL)


def _wake() -> None:
    """Break off a call of the system in which the main thread waits.

    The signal itself does so only if it reaches the main thread inside the call. If it comes a
    moment before, or another thread takes it, Python knows of it and waits all the same.
    """
    if _WAKES is not None and not _ANSWERED[0]:
        signal.pthread_kill(threading.main_thread().ident or 0, _WAKES)


def _end_running() -> None:
    if (module := sys.modules.get(_RUNNING)) is not None:
        module.end_running()
