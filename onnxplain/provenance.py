"""Which model, picture, settings and software an explanation came from."""

from __future__ import annotations

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
