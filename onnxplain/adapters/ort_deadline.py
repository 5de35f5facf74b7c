"""Let no call of ONNX Runtime go on for ever: a Loop of a few bytes may have 2^60 rounds."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from onnxplain.graph.budget import OverBudgetError, budget, memory_allowed, over
from onnxplain.process.journal import sign_of_life
from onnxplain.text import shown

T = TypeVar("T")
# How ONNX Runtime says that it got no memory, and at which node.
_ASKED = re.compile(r"requested (?:bytes|buffer) of (?:size )?(\d+)")
_NODE = re.compile(r"running (\w+) node\. Name:'([^']*)'")
_LOOKS_EVERY = 0.25
_LOCK = threading.Lock()
# Running calls by their options, with the moment at which each is asked to end.
_RUNNING: dict[int, tuple[float, Any]] = {}
_WATCH: list[threading.Thread] = []
if hasattr(os, "register_at_fork"):  # the thread stays behind
    os.register_at_fork(after_in_child=_WATCH.clear)
# The moment at which a series of calls is asked to end.
_TOGETHER: ContextVar[float] = ContextVar("together", default=math.inf)


@contextmanager
def in_time_together() -> Iterator[None]:
    """Let all calls within take no longer together than one of them may."""
    token = _TOGETHER.set(min(_TOGETHER.get(), time.monotonic() + budget().run_seconds))
    try:
        yield
    finally:
        _TOGETHER.reset(token)


def run_in_time(run: Callable[[Any], Sequence[T]], options: Any, *, loops: bool = False) -> list[T]:
    """Call a session; ONNX Runtime is asked to end between two nodes once time is over.

    Parameters
    ----------
    run : callable
        Runs the session with the options that it is given.
    options : onnxruntime.RunOptions
        Those of this call alone.
    loops : bool
        Whether there is a Loop in the graph.

    Raises
    ------
    UnsupportedModelError
        If it took longer than the budget ``run-seconds``; than ``loop-seconds`` if there are
        `loops`, which need no large file to take long. If it asked for more memory than the
        budget ``memory-bytes`` allows, or than there is.
    """
    limit = "loop_seconds" if loops else "run_seconds"
    deadline = min(time.monotonic() + getattr(budget(), limit), _TOGETHER.get())
    with _LOCK:
        _RUNNING[id(options)] = (deadline, options)
        if not _WATCH:
            watch = threading.Thread(target=_watch, daemon=True, name="onnxplain-deadline")
            watch.start()
            _WATCH[:] = [watch]
    try:
        return list(run(options))
    except Exception as error:
        if options.terminate:
            raise over(limit, "one inference", "it takes more seconds") from error
        if (asked := _ASKED.search(str(error))) is not None:
            raise _too_large(str(error), int(asked[1])) from error
        raise
    finally:
        sign_of_life()
        with _LOCK:
            del _RUNNING[id(options)]


def end_running() -> None:
    """Ask all calls that run to end between two nodes, because somebody asks the program to stop.

    Each fails then, and the request comes through before that becomes an error.
    """
    with _LOCK:
        for _, options in _RUNNING.values():
            options.terminate = True


def _too_large(said: str, size: int) -> OverBudgetError:
    """Say which node asked for more memory than there is."""
    node = _NODE.search(said)
    where = f"{node[1]} (node {node[2]!r})" if node else "one inference"
    return OverBudgetError(
        f"{shown(where)}: it asks for {size:,} more bytes, and one process may hold "
        f"{memory_allowed():,} in all; choose a smaller --batch-size, or raise the limit with "
        "--budget memory-bytes=N"
    )


def _watch() -> None:
    while True:
        time.sleep(_LOOKS_EVERY)
        now = time.monotonic()
        with _LOCK:
            for deadline, options in _RUNNING.values():
                if now > deadline:
                    options.terminate = True
            if not _RUNNING:
                _WATCH.clear()
                return
