"""The machine: what software computes on it, and whether it is busy besides."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec

_PACKAGES = (
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "numpy",
    "onnx2torch",
    "torch",
    "pycocotools",
)
# Where Linux says what a container may take.
_CONTAINER = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of everything that computes, without importing any of it."""
    own = _version("onnxplain") or _version("onnxplain-light") or "source"
    found = {"onnxplain": own, "python": platform.python_version()}
    for name in _PACKAGES:
        version = _version(name)
        if version:
            found[name] = version
    found["platform"] = f"{sys.platform} {platform.machine()}"
    return found


def lacks_pytorch() -> str:
    """Say what gradients lack in this environment, and how to install it; empty if nothing.

    Imports nothing: the light distribution comes without PyTorch and onnx2torch.
    """
    absent = [name for name in ("torch", "onnx2torch") if not _is_there(name)]
    if not absent:
        return ""
    verb = "is" if len(absent) == 1 else "are"
    return (
        f"{' and '.join(absent)} {verb} not installed; install with: pip install {' '.join(absent)}"
    )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # hidden by a finder, or a module without a specification
        return name in sys.modules


def _version(name: str) -> str | None:
    from importlib import metadata  # takes as long to load as all else that `--help` needs

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def memory() -> int | None:
    """Bytes of memory that this process may at most have; ``None`` where that is unknown."""
    found: list[int] = []
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in _CONTAINER:
        with suppress(OSError, ValueError), open(file, encoding="ascii") as opened:
            found.append(int(opened.read()))  # "max" is no number, and no limit
    return min(found, default=None)


def processors() -> int:
    """Threads that this process may use: as many as it was told, else one for each core."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else cores()


def cores() -> int:
    """Cores that this process may use, whatever was said of threads; 1 where that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def is_busy() -> bool:
    """Whether more processes want to run than there are cores; False where that is unknown."""
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    return os.getloadavg()[0] > (os.cpu_count() or 1)
