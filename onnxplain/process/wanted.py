"""Whether an odd file may be put behind a wall: whoever opens it asks, whoever can does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class WallNeeded(BaseException):
    """A file is odd, and is to be read in a process of its own; says why."""


_WANTED: ContextVar[bool] = ContextVar("wall wanted", default=False)


@contextmanager
def wall_wanted() -> Iterator[None]:
    """Let whoever opens an odd file raise `WallNeeded` for a while."""
    token = _WANTED.set(True)
    try:
        yield
    finally:
        _WANTED.reset(token)


def is_wall_wanted() -> bool:
    """Whether somebody would put up a wall for an odd file."""
    return _WANTED.get()
