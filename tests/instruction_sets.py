"""Run the tests as other processors would: other instruction sets, other numbers of threads.

::

    python -m tests.instruction_sets                 # the whole default suite, setting by setting
    python -m tests.instruction_sets -m kernels -n 2 # arguments go to pytest
    python -m tests.instruction_sets sse41-1 avx2-4  # these settings alone

It prints a line for each setting and ends with 1 if one of them failed. A setting that this
processor cannot run is named with its reason and left out; it does not count as a failure.

Every library is told by its own environment variable which kernels it may use: PyTorch by
``ATEN_CPU_CAPABILITY``, its oneDNN by ``ONEDNN_MAX_CPU_ISA`` and its MKL by ``MKL_CBWR``, NumPy by
``NPY_DISABLE_CPU_FEATURES`` and its OpenBLAS by ``OPENBLAS_CORETYPE``. ONNX Runtime 1.31 reads none
and always takes the newest kernels that the processor has. Without AVX, though, it has no blocked
convolutions, and these can be forbidden: ``ONNXPLAIN_TESTS_ORT=extended`` makes `tests/conftest.py`
open its sessions without them.
"""

from __future__ import annotations

import itertools
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy._core._multiarray_umath import __cpu_features__

ROOT = Path(__file__).parents[1]
# Names the setting that the tests run under.
NAME = "ONNXPLAIN_TESTS_SETTING"
ORT_LEVEL = "ONNXPLAIN_TESTS_ORT"


@dataclass(frozen=True)
class Setting:
    """Which instructions and how many threads the libraries may use.

    Features are in NumPy's spelling. `denied` begins the names of those that NumPy may not use;
    `reported` is what PyTorch reports when the setting is in force.
    """

    instructions: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    reported: str | None = None

    def __str__(self) -> str:
        return f"{self.instructions}-{self.threads}"


AVX512 = ("AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL")
SETTINGS = (
    Setting(
        "sse41",
        1,
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Nehalem",
            ORT_LEVEL: "extended",
        },
        needs=("SSE41",),
        denied=("AVX", "FMA", "X86_V3", "X86_V4"),
        reported="DEFAULT",
    ),
    Setting(
        "avx",
        2,
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "AVX",
            "MKL_CBWR": "AVX",
            "OPENBLAS_CORETYPE": "Sandybridge",
        },
        needs=("AVX",),
        denied=("AVX2", "AVX512", "FMA", "X86_V3", "X86_V4"),
        reported="DEFAULT",
    ),
    Setting(
        "avx2",
        4,
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_CBWR": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
        },
        needs=("AVX2", "FMA3"),
        denied=("AVX512", "X86_V4"),
        reported="AVX2",
    ),
    Setting(
        "avx512",
        1,
        {
            "ATEN_CPU_CAPABILITY": "avx512",
            "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
            "MKL_CBWR": "AVX512",
            "OPENBLAS_CORETYPE": "SkylakeX",
        },
        needs=AVX512,
        reported="AVX512",
    ),
    Setting("own", 1),
    Setting("own", 2),
    Setting("own", 4),
)


def missing(setting: Setting) -> str | None:
    """Say what keeps this machine from running a setting; None if it can.

    PyTorch believes ``ATEN_CPU_CAPABILITY`` without looking and then dies of an illegal
    instruction: it must not be asked.
    """
    absent = [f for f in setting.needs if not __cpu_features__.get(f)]
    if not absent:
        return None
    return f"{platform.machine()} processor without {', '.join(absent)}"


def environment(setting: Setting) -> dict[str, str]:
    """Return the variables of a process that runs under the setting."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    given = {**inherited, **setting.environment, NAME: str(setting)}
    # Features that NumPy was built with and has found here.
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if denied := [f for f in found if f.startswith(setting.denied)]:
        given["NPY_DISABLE_CPU_FEATURES"] = " ".join(denied)
    # Threads that wait by spinning take the cores of the others where there are fewer cores.
    return given | {"OMP_NUM_THREADS": str(setting.threads), "OMP_WAIT_POLICY": "PASSIVE"}


def run(setting: Setting, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run pytest under a setting; what it prints is kept."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=ROOT,
        env=environment(setting),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def main(arguments: Sequence[str]) -> int:
    """Run the settings that are named, or all, and print a line for each; 1 if one failed."""
    names = [str(s) for s in SETTINGS]
    named = list(itertools.takewhile(names.__contains__, arguments))
    arguments, failed = arguments[len(named) :], 0
    for setting in SETTINGS:
        if named and str(setting) not in named:
            continue
        if reason := missing(setting):
            print(f"{setting}: left out: {reason}", flush=True)
            continue
        start = time.monotonic()
        done = run(setting, arguments)
        lines = done.stdout.strip().splitlines() or ["no output"]
        seconds = time.monotonic() - start
        verdict = "passed" if done.returncode == 0 else f"FAILED (exit {done.returncode})"
        print(f"{setting}: {verdict}: {lines[-1].strip('= ')} [{seconds:.0f} s]", flush=True)
        if done.returncode:
            failed = 1
            print("\n".join(f"    {line}" for line in lines[-60:]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
