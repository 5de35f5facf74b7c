"""What a process of its own costs: ``explain`` with and without ``--isolate``.

    python -m benchmarks.isolate [--runs 5]

Each pair of runs stands directly one after the other, in turn which is first; the ratio is the
median over pairs. The small model takes no time, so that its ratio is what beginning a process
costs; one picture shows the least, and several what is left of it in a batch.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = {
    "digits-gap, one picture": ("models/digits-gap.onnx", "examples/digits/3-10.png"),
    "digits-gap, ten pictures": ("models/digits-gap.onnx", "examples/digits"),
    "efficientnet-lite0, one picture": (
        "models/efficientnet-lite0.onnx", "examples/photos/chelsea.png",
    ),
    "efficientnet-lite0, all photos": ("models/efficientnet-lite0.onnx", "examples/photos"),
}  # fmt: skip
METHODS = "grad-cam,occlusion"


def seconds(model: str, images: str, *more: str) -> float:
    """Run a command and return how long it takes."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["explain", model, images, "-m", METHODS, "-q", "-o", folder, *more]
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "onnxplain", *words], check=True)
        return time.monotonic() - began


def main() -> None:
    """Print one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    for name, (model, images) in CASES.items():
        if not Path(model).exists():
            continue
        pairs = []
        for k in range(given.runs):
            order = ("--no-isolate", "--isolate") if k % 2 else ("--isolate", "--no-isolate")
            took = {option: seconds(model, images, option) for option in order}
            pairs.append((took["--no-isolate"], took["--isolate"]))
        without, behind = (statistics.median(p[i] for p in pairs) for i in (0, 1))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{name}: {without:.2f} s, isolated {behind:.2f} s, ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
