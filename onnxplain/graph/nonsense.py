"""What an operator raises whose attributes, constants or shapes do not fit each other.

A graph is read before any engine has looked at it. What follows a path through it may meet an
order of axes that is none, a step of zero or a constant that does not broadcast: there the path
ends, as at an operator that is not known, and the engine says what is wrong with the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")
_NONSENSE = (ArithmeticError, IndexError, KeyError, MemoryError, TypeError, ValueError)


def unless_nonsense(read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """Return what a reader finds, or ``None`` where the file makes no sense to it."""
    try:
        return read(*args, **kwargs)
    except _NONSENSE:
        return None
