"""Seconds that ``audit`` takes for a picture, with default settings.

    python -m benchmarks.audit [--pictures 8 32] [--write]

EfficientNet-Lite0 and crops of the photos in ``examples/``. Each number of pictures has a process
of its own, from the start of Python to the written report. What a further picture takes is the
difference of two numbers; what is left is the start, the sanity of the methods and the report.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.curves import photo_samples
from benchmarks.page import show_rows

MODEL = Path(__file__).parents[1] / "models/efficientnet-lite0.onnx"
COLUMNS = ("pictures", "s a picture", "s of processors a picture", "load at the start")


def measured(count: int) -> tuple[float, float]:
    """Seconds of an audit on the wall, and of processors."""
    with photo_samples(count) as samples, tempfile.TemporaryDirectory() as folder:
        words = ["audit", str(MODEL), str(samples[0].path.parent), "-q", "-o", folder]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-m", "onnxplain", *words], check=True)
        took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, sum(getattr(after, k) - getattr(before, k) for k in ("ru_utime", "ru_stime"))


def main() -> None:
    """Print a row for each number of pictures, and one for a further picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found: list[tuple[int, float, float]] = []
    rows = []
    for count in sorted(options.pictures):
        load = os.getloadavg()[0]
        took, processors = measured(count)
        found.append((count, took, processors))
        rows.append([str(count), f"{took / count:.2f}", f"{processors / count:.2f}", f"{load:.0f}"])
    if len(found) > 1:
        (few, *short), (many, *long) = found[0], found[-1]
        each = [(b - a) / (many - few) for a, b in zip(short, long, strict=True)]
        rows.append(["a further one", *(f"{e:.2f}" for e in each), ""])
    show_rows("audit", COLUMNS, rows, write=options.write)


if __name__ == "__main__":
    main()
