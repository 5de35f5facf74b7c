"""What a process of its own costs: ``explain`` with and without ``--isolate``.

    python -m benchmarks.isolate [--runs 5]

Each pair of runs stands directly one after the other, in turn which is first; the ratio is the
median over pairs. The small model takes no time, so that its ratio is what beginning a process
costs; one picture shows the least, and several what is left of it in a batch.
"""

from __future__ import annotations

import argparse
import resource
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


def seconds(model: str, images: str, *more: str) -> tuple[float, float]:
    """Run a command and return how long it takes, and how much time of processors."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["explain", model, images, "-m", METHODS, "-q", "-o", folder, *more]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([sys.executable, "-m", "onnxplain", *words], check=True)
        took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = (getattr(after, k) - getattr(before, k) for k in ("ru_utime", "ru_stime"))
        return took, user + system


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
        said = []
        for k, unit in enumerate(("s", "s of processors")):
            without, behind = (statistics.median(p[i][k] for p in pairs) for i in (0, 1))
            ratio = statistics.median(b[k] / a[k] for a, b in pairs)
            said.append(f"{without:.2f} {unit}, isolated {behind:.2f}, ratio {ratio:.2f}")
        print(f"{name}: {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
