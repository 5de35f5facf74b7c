"""Work in a process of its own, so that no thread of a library is in the one that forks."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def apart(make: Callable[[], Result]) -> Result:
    """Call a function in a forked process and return what it returned.

    Raises
    ------
    RuntimeError
        If it failed there.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(make(), pipe)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"{make} failed in a process of its own")
    return pickle.loads(content)
