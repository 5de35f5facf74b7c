"""Large blocks that are freed while a session is opened go back to the system (Linux, glibc)."""

import platform
import subprocess
import sys

import pytest

from onnxplain.adapters import large_blocks

# As much as several weights; a block each, so that glibc would keep them.
PROGRAM = """
import ctypes
import sys
from contextlib import nullcontext
from benchmarks.timing import resident
from onnxplain.adapters.large_blocks import large_blocks_returned
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.free(libc.malloc(20 << 20))  # from now on, blocks of this size are kept
before = resident("VmRSS")
with large_blocks_returned() if sys.argv[1] == "returned" else nullcontext():
    blocks = [libc.malloc(4 << 20) for _ in range(16)]
    for block in blocks:
        ctypes.memset(block, 1, 4 << 20)
    for block in blocks[:-1]:  # the last one keeps the heap from shrinking
        libc.free(block)
print((resident("VmRSS") - before) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc")
def test_blocks_are_kept_without_and_returned_with(monkeypatch):
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    found = {
        way: int(subprocess.check_output([sys.executable, "-c", PROGRAM, way], text=True))
        for way in ("kept", "returned")
    }
    assert found["kept"] > 50
    assert found["returned"] < 10


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(large_blocks, "_mallopt", lambda: None)
    with large_blocks.large_blocks_returned():
        pass


def test_who_set_the_environment_knows_better(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "1000000")
    assert large_blocks._mallopt.__wrapped__() is None
