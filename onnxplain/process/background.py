"""Work in native code that begins before its result is needed, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from onnxplain.process.journal import is_careful

T = TypeVar("T")
# How names of threads begin that work beside the main one.
BESIDE = "beside"


def begin(work: Callable[[], T]) -> Future[T]:
    """Begin work, and return what will hold its result.

    Worth it for work without Python's lock only, as to open a session. The process waits for it
    when it ends, so that no library is taken away from under it.

    Parameters
    ----------
    work : callable
        Begun at once; done at once, where one thing is to be done at a time.
    """
    found: Future[T] = Future()
    if is_careful():
        settle(found, work)
    else:
        Thread(target=settle, args=(found, work), name=f"{BESIDE}-ahead").start()
    return found


def settle(found: Future[T], work: Callable[[], T]) -> None:
    """Do work, and make a future of what comes of it."""
    try:
        value = work()
    except BaseException as error:  # whoever asks for the result is told, as of any other work
        found.set_exception(error)
    else:
        found.set_result(value)
