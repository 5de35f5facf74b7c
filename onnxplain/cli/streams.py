"""Standard output and error for what this program says; what libraries print goes nowhere.

Decoders and engines write lines of their own from C, past Python, into results or among errors.
While a command runs, the system's two streams lead nowhere, and ours to where they led.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

_STANDARD = (0, 1, 2)


@contextmanager
def own_streams(*, debug: bool) -> Iterator[None]:
    """Keep the standard streams for what is said through Python's.

    Closed ones lead nowhere: the next file that is opened would take their place, and what is
    printed would be written into it.

    Parameters
    ----------
    debug : bool
        Let libraries print.
    """
    _fill()
    with ExitStack() as stack:
        if not debug:
            stack.enter_context(_quiet_loggers())
            for name, number in (("stdout", 1), ("stderr", 2)):
                if _is_the_systems(getattr(sys, name), number):
                    stack.enter_context(_apart(name, number))
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # A class name that the terminal cannot show must not end the run.
                stream.reconfigure(errors="backslashreplace")
        yield


def let_go(stream: Any) -> None:
    """Send what is left in a stream nowhere, or Python would fail at it when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _fill() -> None:
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _is_the_systems(stream: Any, number: int) -> bool:
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == number
    except (OSError, ValueError):
        return False


@contextmanager
def _apart(name: str, number: int) -> Iterator[None]:
    """Give a stream of Python a descriptor of its own; the system's leads nowhere meanwhile."""
    before = getattr(sys, name)
    with suppress(OSError):
        before.flush()
    own = os.dup(number)
    stream = io.TextIOWrapper(
        os.fdopen(own, "wb", closefd=False), before.encoding, "backslashreplace",
        line_buffering=name == "stderr" or before.isatty(),
    )  # fmt: skip
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
    setattr(sys, name, stream)
    try:
        yield
    finally:
        current = getattr(sys, name)
        try:
            current.flush()
        except OSError:
            let_go(stream)
        setattr(sys, name, before)
        os.dup2(own, number)


@contextmanager
def _quiet_loggers() -> Iterator[None]:
    """Where nobody handles a logger's warnings, Python prints them."""
    nobody = logging.NullHandler()
    logging.getLogger().addHandler(nobody)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nobody)
