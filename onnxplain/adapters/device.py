"""Is CUDA really there? Ask the driver before asking the engines.

ONNX Runtime answers a request for a provider that cannot load with a page of errors, so
it is asked only when the CUDA driver reports a device.
"""

from __future__ import annotations

import ctypes
import re
import sys
from functools import lru_cache

from onnxplain.errors import UsageError


def parse_device(text: str) -> tuple[str, int]:
    """Split ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into kind and index.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    match = re.fullmatch(r"(auto|cpu|cuda)(?::(\d+))?", text)
    if match is None or (match[2] and match[1] != "cuda"):
        raise UsageError(f"device {text!r} is not known; allowed: auto, cpu, cuda, cuda:N")
    return match[1], int(match[2] or 0)


@lru_cache(maxsize=1)
def cuda_device_count() -> int:
    """Devices that the CUDA driver reports; 0 where there is no driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value
