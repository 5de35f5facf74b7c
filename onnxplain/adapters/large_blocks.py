"""Memory of large blocks goes back to the system at once, while a session is opened.

ONNX Runtime copies every weight that it is given, and lets the copy go when it has arranged the
weight for its kernels. By then glibc has learnt from the first copies to keep blocks of their size,
for the next ones, and what it keeps can be as much as all weights together. Other C libraries are
left as they are.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

# Names of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger blocks come from the system, and go back to it.
_LARGE = 1 << 20
# What glibc comes to by itself in a program that has let go of large blocks.
_USUAL = 32 << 20


@contextmanager
def large_blocks_returned() -> Iterator[None]:
    """Let no large block that is freed in the body be kept for later.

    Afterwards blocks are kept as glibc comes to do by itself. Who has set its variables in the
    environment knows better, and gets what was asked for.
    """
    adjust = _mallopt()
    if adjust is None:
        yield
        return
    adjust(_M_MMAP_THRESHOLD, _LARGE)
    try:
        yield
    finally:
        adjust(_M_MMAP_THRESHOLD, _USUAL)
        adjust(_M_TRIM_THRESHOLD, 2 * _USUAL)


@lru_cache
def _mallopt() -> Callable[[int, int], int] | None:
    chosen = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if chosen or "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return None
    found: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    return found
