"""Time and memory of occlusion as ratios to whole inputs in batches, and what refining costs.

    pip install -c constraints.txt -e '.[test]' torchvision
    python -m benchmarks.occlusion [--networks resnet18,...] [--rounds 3] [--threads 1] [--write]

Everything that is compared runs in turns, A B A B; the median of the rounds' ratios is printed with
the smallest and largest. "steady" is a further picture; "first" is the first map of a file that is
open, each side in a process of its own: with profile, plan and sections, and with memory that was
never touched. "bare" are ONNX Runtime's own calls on ready batches. The clock is the process's own
CPU time, which other programs disturb little; ``--clock wall`` is what a person waits. With
``--gpu`` the same runs on CUDA, where everything is whole inputs.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import onnxruntime
import torch

from benchmarks.occlusion import gpu
from benchmarks.occlusion.measure import Context, alternate
from benchmarks.occlusion.networks import LITE0, make
from benchmarks.occlusion.refining import refined
from benchmarks.page import show_rows
from benchmarks.timing import added_mebibytes, seconds, spread

NETWORKS = ("mobilenet_v2", "resnet18", "densenet121", LITE0)
# Tables of the page by the part of the measurement that fills them.
COLUMNS = {
    "speed": ("network", "windows", "steady", "first", "ours, as whole inputs, over bare calls",
              "largest difference of the outputs"),
    "memory": ("network", "peak of two maps as whole inputs, MiB", "as sections, MiB"),
    "growth": ("pixels, stride", "windows", "whole inputs, s", "ours, s", "ratio"),
    "refine": ("photo, step", "windows computed", "error of the range, mean", "largest",
               "times as fast"),
}  # fmt: skip
GROWTH = ((224, 16), (320, 16), (448, 16), (224, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--only", default=",".join(COLUMNS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--stride", type=int, default=16)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--batch", type=int, help="whole inputs in one call; tried if not given")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    names, parts = options.networks.split(","), options.only.split(",")
    if options.alone:
        print(alone(options))
        return
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; ONNX Runtime {onnxruntime.__version__}, torch "
        f"{torch.__version__}; {options.threads} thread(s), {options.clock} time, window "
        f"{options.window}, stride {options.stride}, {options.rounds} rounds"
    )
    if options.gpu:
        gpu.compare(names, options)
        return
    measured = {
        "speed": lambda: [speed(name, options) for name in names],
        "memory": lambda: [memory(name, options) for name in names],
        "growth": lambda: growth(names[0], options),
        "refine": refined,
    }
    for part in parts:
        section = "occlusion" if part == "speed" else f"occlusion-{part}"
        show_rows(section, COLUMNS[part], measured[part](), write=options.write)


def speed(name: str, options: argparse.Namespace) -> list[str]:
    """Whole inputs / auto, steady and first; whole inputs / bare calls."""
    _, proto = make(name, options.side)
    made = Context(proto, options.window, options.stride, threads=options.threads)
    for k in (0, 1):
        made.map(k, "brute-force")  # the second one finds the batch
    record, _ = made.map(0, "auto")
    steady, _, _ = alternate(
        lambda k: made.map(k, "brute-force"), lambda k: made.map(k, "auto"),
        options.rounds, options.clock,
    )  # fmt: skip
    batch = made.network.ort._windows._services.batch(("forward", *made.names)).chosen or 8
    first = spread(
        [
            in_a_process("first", "brute-force", proto, options, batch)
            / in_a_process("first", "auto", proto, options)
            for _ in range(options.rounds)
        ]
    )
    calls = made.covered(0)

    def bare(_: int) -> None:
        for start in range(0, len(calls), batch):
            made.network.ort.activations(calls[start : start + batch], made.names)

    ours, _, _ = alternate(
        lambda k: made.map(k, "brute-force"), bare, options.rounds, options.clock
    )
    differs = record.get("because") or f"{record['difference']:.0e}"
    return [name, str(len(made.windows)), steady, first, ours, differs]


def memory(name: str, options: argparse.Namespace) -> list[str]:
    """Peak memory of a process that makes two maps, and nothing else."""
    _, proto = make(name, options.side)
    peaks = {e: in_a_process("peak", e, proto, options) for e in ("brute-force", "auto")}
    return [name, *(f"{peak:.0f}" for peak in peaks.values())]


def in_a_process(
    what: str, engine: str, proto, options: argparse.Namespace, batch: int | None = None
) -> float:
    """What `alone` measures, in a process that has done nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(proto, file)
        command = [sys.executable, "-m", "benchmarks.occlusion", "--alone", what, engine, str(file)]
        for key in ("window", "stride", "threads", "clock"):
            command += [f"--{key}", str(getattr(options, key))]
        command += ["--batch", str(batch)] if batch else []
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(done.stdout.split()[-1])


def alone(options: argparse.Namespace) -> float:
    """Seconds of the first map ("first"), or MiB that two maps add ("peak")."""
    what, engine, file = options.alone
    made = Context(
        onnx.load(file), options.window, options.stride,
        threads=options.threads, batch=options.batch,
    )  # fmt: skip
    made.network.ort.forward(made.picture(0)[None])
    if what == "first":
        return seconds(lambda: made.map(0, engine), options.clock)
    return added_mebibytes(lambda: [made.map(k, engine) for k in (0, 1)])


def growth(name: str, options: argparse.Namespace) -> list[list[str]]:
    """How time and gain grow with the picture and with the number of windows."""
    rows = []
    for side, stride in GROWTH:
        _, proto = make(name, side)
        made = Context(proto, options.window, stride, threads=options.threads)
        for k in (0, 1):
            made.map(k, "brute-force")
        made.map(0, "auto")
        ratio, brute, ours = alternate(
            lambda k, made=made: made.map(k, "brute-force"),
            lambda k, made=made: made.map(k, "auto"),
            max(1, options.rounds // 2), options.clock,
        )  # fmt: skip
        seconds_of = [f"{brute:.2f}", f"{ours:.2f}"]
        rows.append([f"{side}, {stride}", str(len(made.windows)), *seconds_of, ratio])
    return rows


if __name__ == "__main__":
    main()
