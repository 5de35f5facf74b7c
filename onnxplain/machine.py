"""The machine: what software computes on it, and whether it is busy besides."""

from __future__ import annotations

import os
import platform
import sys
from functools import lru_cache
from importlib import metadata

_PACKAGES = (
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "numpy",
    "onnx2torch",
    "torch",
    "pycocotools",
)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of everything that computes, without importing any of it."""
    found = {"onnxplain": _version("onnxplain") or "source", "python": platform.python_version()}
    for name in _PACKAGES:
        version = _version(name)
        if version:
            found[name] = version
    found["platform"] = f"{sys.platform} {platform.machine()}"
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def is_busy() -> bool:
    """Whether more processes want to run than there are cores; False where that is unknown."""
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    return os.getloadavg()[0] > (os.cpu_count() or 1)
