"""Seconds, ratios with their spread, and the memory of one piece of work (Linux)."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from onnxplain.machine import versions

CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
_NAMES = ("onnxruntime-gpu", "onnxruntime", "torch", "numpy")


def machine(*more: str) -> str:
    """One sentence for a table: the processor, its threads, and what computed."""
    described = Path("/proc/cpuinfo").read_text("utf-8") if os.name == "posix" else ""
    named = [line.split(":")[1].strip() for line in described.splitlines() if "model name" in line]
    sets = next((line for line in described.splitlines() if line.startswith("flags")), "")
    widest = [name for name in ("avx2", "avx512f", "amx_tile") if name in sets.split()][-1:]
    found = versions()
    software = [f"{name} {found[name]}" for name in _NAMES if name in found]
    processor = ", ".join([*named[:1], *widest]) or platform.machine()
    return f"{processor}, {len(os.sched_getaffinity(0))} cores, {', '.join([*software, *more])}."


def seconds(work: Callable[[], object], clock: str = "wall") -> float:
    """Time of one run: of this process' processors (``cpu``) or on the wall."""
    now = CLOCKS[clock]
    start = now()
    work()
    return now() - start


def in_turns(
    their: Callable[[], object], our: Callable[[], object], rounds: int, clock: str = "wall"
) -> list[tuple[float, float]]:
    """Seconds of two pieces of work, run one after the other in each round."""
    their()
    our()  # the first run prepares
    return [(seconds(their, clock), seconds(our, clock)) for _ in range(rounds)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, smallest and largest: ``1.20 [1.10-1.40]``."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{median:.{digits}f} [{low:.{digits}f}-{high:.{digits}f}]"


def resident(key: Literal["VmRSS", "VmHWM"]) -> int:
    """Bytes that this process holds now (``VmRSS``) or held at its peak (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key))


def added_mebibytes(work: Callable[[], object]) -> float:
    """Memory that one run adds at its peak; meant for a process that does nothing else."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = resident("VmRSS")
    work()
    return (resident("VmHWM") - before) / 2**20
