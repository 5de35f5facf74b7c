"""Open cases one after the other in a process of its own, under limits."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.hostile.cases import make
from tests.hostile.opening import Verdict, opened

# What one case may take.
CPU_SECONDS = 10
MEMORY_BYTES = 4 << 30
WALL_SECONDS = 60
_FILE_BYTES = 1 << 30


def work(numbers: Iterable[tuple[str, int]], pipe: int) -> None:
    """Open each case and write a line of JSON for it into a pipe; then end the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stdout
    for kind, seed in numbers:
        os.write(pipe, json.dumps(result(kind, seed)).encode() + b"\n")
    os._exit(0)


def result(kind: str, seed: int) -> dict[str, Any]:
    """Open one case: what it was, how it ended and what that took."""
    found: dict[str, Any] = {"kind": kind, "seed": seed}
    try:
        case = make(kind, seed)
    except Exception:  # a mistake of the harness must not end a long run
        return found | {"verdict": "internal", "said": traceback.format_exc()[-1500:], "base": "",
                        "done": "not made"}  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        case.write(folder)
        _limit()
        before = time.process_time()
        try:
            verdict = opened(case, folder)
        except Exception:  # what the harness is there to find
            verdict = Verdict("internal", 70, traceback.format_exc()[-1500:])
        found["cpu"] = round(time.process_time() - before, 3)
        found["peak"] = _peak()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found |= {"verdict": verdict.name, "code": verdict.code}
    if found["cpu"] > CPU_SECONDS:
        found["verdict"] = "hang"
    elif found["peak"] > MEMORY_BYTES >> 20:
        found["verdict"] = "memory"
    if found["verdict"] not in ("answer", "refused"):
        found |= {"base": case.base, "done": case.done[:300], "said": verdict.said}
    return found


def _limit() -> None:
    """Let the kernel end this process when the case takes too long; forget the last peak."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # then the peak is that of the process
        return


def _peak() -> int:
    """MiB of memory at most since `_limit`."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(li for li in lines if li.startswith("VmHWM")).split()[1]) >> 10
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
