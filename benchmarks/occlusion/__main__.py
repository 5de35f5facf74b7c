"""Time and memory of occlusion as ratios to whole inputs in batches, and to Captum.

    pip install -c constraints.txt -e '.[test]' torchvision
    python -m benchmarks.occlusion [--networks resnet18,...] [--rounds 5] [--threads 1]

Everything that is compared runs in turns, A B A B; the median of the rounds' ratios is printed with
the smallest and largest. "steady" is a further picture; "first" is the first map of a file that is
open, each side in a process of its own: with profile, plan and sections, and with memory that was
never touched. "bare" are ONNX Runtime's own calls on ready batches. Captum
explains the original network, with the best of several ``perturbations_per_eval``. The clock is
the process's own CPU time, which other programs disturb little; ``--clock wall`` is what a
person waits. With ``--gpu`` the same runs on CUDA, where everything is whole inputs.
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

from benchmarks.occlusion import gpu, peers
from benchmarks.occlusion.measure import Context, alternate
from benchmarks.occlusion.networks import LITE0, make
from benchmarks.timing import added_mebibytes, seconds, spread

NETWORKS = ("resnet18", "mobilenet_v2", "resnet50", "densenet121", "vgg16", LITE0)
GROWTH = ((224, 16), (320, 16), (448, 16), (224, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--only", default="speed,captum,memory,growth,refine")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--stride", type=int, default=16)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--batch", type=int, help="whole inputs in one call; tried if not given")
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
    if "speed" in parts:
        for name in names:
            speed(name, options)
    if "captum" in parts:
        for name in names:
            peers.captum(name, options)
    if "memory" in parts:
        for name in names:
            memory(name, options)
    if "growth" in parts:
        growth(names[0], options)
    if "refine" in parts:
        peers.refine_error(options)


def speed(name: str, options: argparse.Namespace) -> None:
    """Whole inputs / auto, steady and first; whole inputs / bare calls."""
    _, proto = make(name, options.side)
    made = Context(proto, options.window, options.stride, threads=options.threads)
    for k in (0, 1):
        made.map(k, "brute-force")  # the second one finds the batch
    record, _ = made.map(0, "auto")
    steady, brute, _ = alternate(
        lambda k: made.map(k, "brute-force"), lambda k: made.map(k, "auto"),
        options.rounds, options.clock,
    )  # fmt: skip
    batch = made.network.ort._windows._services.batch.chosen or 8
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
    said = record.get("because") or (
        f"predicted {record['predicted_gain']}, {len(record['sections'])} sections, differs by "
        f"{record['difference']:.0e}"
    )
    print(
        f"{name:20} {len(made.windows)} windows, whole inputs {brute:.2f} s; steady {steady}, "
        f"first {first}, ours / bare calls {ours}; {said}",
        flush=True,
    )


def memory(name: str, options: argparse.Namespace) -> None:
    """Peak memory of a process that makes two maps, and nothing else."""
    _, proto = make(name, options.side)
    peaks = {e: in_a_process("peak", e, proto, options) for e in ("brute-force", "auto")}
    shown = ", ".join(f"{engine} {peak:.0f} MiB" for engine, peak in peaks.items())
    print(f"{name:20} peak memory above the opened model: {shown}", flush=True)


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


def growth(name: str, options: argparse.Namespace) -> None:
    """How time and gain grow with the picture and with the number of windows."""
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
        print(
            f"{name:20} {side} pixels, stride {stride}, {len(made.windows)} windows: whole inputs "
            f"{brute:.2f} s, auto {ours:.2f} s, ratio {ratio}",
            flush=True,
        )


if __name__ == "__main__":
    main()
