"""How long a person waits for a command in a fresh process.

Commands are run in turns: each round runs all of them once. A first round, which is not counted,
compiles Python's files and fills the system's cache, as after the first use of an installation.
Beside the commands stand what cannot be avoided (PyTorch's import; ONNX Runtime's import, session
and one forward pass of the same picture) as yardsticks.

    python benchmarks/start.py [--rounds 5] [--write]

With --write, the table is put into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.page import put  # noqa: E402
from benchmarks.timing import seconds, spread  # noqa: E402

MODEL, PICTURE = "models/efficientnet-lite0.onnx", "examples/photos/chelsea.png"
FORWARD = f"""
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession({MODEL!r}, providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
pixels = np.asarray(Image.open({PICTURE!r}).convert("RGB").resize((224, 224)), np.float32) / 255
session.run(None, {{given.name: pixels.transpose(2, 0, 1)[None]}})
"""
TORCH, BARE = "`import torch`", "ONNX Runtime alone: import, session, one forward pass"
YARDSTICKS = {TORCH: ["-c", "import torch"], BARE: ["-c", FORWARD]}


def commands(out: str) -> dict[str, list[str]]:
    """Arguments of Python for each line of the table; results go to `out`."""
    explain = ["explain", MODEL, PICTURE, "-o", out]
    words = {
        "`--help`": ["--help"],
        "`methods`": ["methods"],
        "`inspect MODEL`": ["inspect", MODEL],
        "`explain -m cam`": [*explain, "-m", "cam"],
        "`explain -m occlusion`": [*explain, "-m", "occlusion"],
        "`explain -m grad-cam`": [*explain, "-m", "grad-cam"],
        "`explain -m gradient`": [*explain, "-m", "gradient"],
        "`explain -m lrp`": [*explain, "-m", "lrp"],
        "`explain -m cam -m grad-cam -m lrp`": [
            *explain,
            "-m",
            "cam",
            "-m",
            "grad-cam",
            "-m",
            "lrp",
        ],
        "`explain` (all methods that the model allows)": explain,
    }
    return YARDSTICKS | {name: ["-m", "onnxplain", *own] for name, own in words.items()}


def measure(rounds: int, only: str | None) -> dict[str, list[float]]:
    """Seconds on the wall of each command, in each round."""
    with tempfile.TemporaryDirectory() as folder:
        # An installation has compiled files, whatever the environment of this script says.
        own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        own["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        own["PYTHONPATH"] = str(ROOT)
        todo = commands(f"{folder}/out")
        if only is not None:
            todo = {name: run for name, run in todo.items() if only in name or name in YARDSTICKS}

        def once(arguments: Sequence[str]) -> None:
            subprocess.run(
                [sys.executable, *arguments], cwd=ROOT, env=own, check=True, capture_output=True
            )

        found: dict[str, list[float]] = {name: [] for name in todo}
        for k in range(rounds + 1):
            for name, arguments in todo.items():
                took = seconds(lambda arguments=arguments: once(arguments))
                if k:
                    found[name].append(took)
    return found


def table(found: Mapping[str, Sequence[float]]) -> str:
    """Median seconds with their spread, and the medians of each round's ratio to `import torch`."""
    lines = ["| command | seconds | over `import torch` |", "|---|---|---|"]
    for name, took in found.items():
        ratios = [own / torch for own, torch in zip(took, found[TORCH], strict=True)]
        lines.append(f"| {name} | {spread(took)} | {statistics.median(ratios):.2f} |")
    return "\n".join(lines)


def section(found: Mapping[str, Sequence[float]]) -> str:
    """What the page says: how it was measured, where, and the table."""
    rounds = len(found[TORCH])
    packages = ("torch", "onnxruntime", "onnxruntime-gpu", "numpy")
    seen = ", ".join(f"{p} {v}" for p in packages if (v := _version(p)))
    return (
        f"Fresh processes in turns, median of {rounds} rounds with the smallest and largest; "
        f"EfficientNet-Lite0 (shipped) and one photo of 451 x 300 pixels.\n"
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python "
        f"{platform.python_version()}, {seen}.\n\n{table(found)}"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="commands that have this in their name")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    made = section(measure(options.rounds, options.only))
    print(made)
    if options.write:
        put("start", made)
