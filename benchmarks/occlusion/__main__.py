"""Time and memory of occlusion as ratios to whole inputs in batches, and to Captum.

    pip install -c constraints.txt -e '.[test]' torchvision
    python -m benchmarks.occlusion [--networks resnet18,...] [--rounds 5] [--threads 1]

Everything that is compared runs in turns, A B A B; the median of the rounds' ratios is printed with
the smallest and largest. "steady" is a further picture, "first" the first one of a file that is
open: with profile, plan and sections. "bare" are ONNX Runtime's own calls on ready batches. Captum
explains the original network, with the best of several ``perturbations_per_eval``. The clock is
the process's own CPU time, which other programs disturb little; ``--clock wall`` is what a
person waits. With ``--gpu`` the same runs on CUDA, where everything is whole inputs.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import onnxruntime
import torch

from benchmarks.occlusion import gpu, peers
from benchmarks.occlusion.measure import Subject, alternate, seconds
from benchmarks.occlusion.networks import LITE0, make

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
    parser.add_argument("--peak-of", nargs=2, metavar=("ENGINE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    names, parts = options.networks.split(","), options.only.split(",")
    if options.peak_of:
        print(peak(options))
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
    made = Subject(proto, options.window, options.stride, threads=options.threads)
    made.map(0, "brute-force")  # finds the batch and warms up
    record, _ = made.map(0, "auto")
    steady, brute, _ = alternate(
        lambda k: made.map(k, "brute-force"), lambda k: made.map(k, "auto"),
        options.rounds, options.clock,
    )  # fmt: skip
    firsts = []
    for k in range(min(3, options.rounds)):
        fresh = Subject(proto, options.window, options.stride, threads=options.threads)
        fresh.network.ort.forward(fresh.picture(0)[None])
        firsts.append(brute / seconds(lambda k=k, fresh=fresh: fresh.map(k, "auto"), options.clock))
    batch = made.network.ort._windows._services.batch.chosen or 8
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
        f"first {sorted(firsts)[len(firsts) // 2]:.2f}, ours / bare calls {ours}; {said}",
        flush=True,
    )


def memory(name: str, options: argparse.Namespace) -> None:
    """Peak memory of a process that makes two maps, and nothing else."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(make(name, options.side)[1], file)
        for engine in ("brute-force", "auto"):
            command = [sys.executable, "-m", "benchmarks.occlusion", "--peak-of", engine, str(file)]
            for key in ("window", "stride", "threads"):
                command += [f"--{key}", str(getattr(options, key))]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[engine] = int(done.stdout.split()[-1])
    shown = ", ".join(f"{engine} {peak} MB" for engine, peak in peaks.items())
    print(f"{name:20} peak memory above the opened model: {shown}", flush=True)


def peak(options: argparse.Namespace) -> int:
    """Megabytes that two maps add to the peak of this process."""
    engine, file = options.peak_of
    made = Subject(onnx.load(file), options.window, options.stride, threads=options.threads)
    made.network.ort.forward(made.picture(0)[None])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for k in (0, 1):
        made.map(k, engine)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


def growth(name: str, options: argparse.Namespace) -> None:
    """How time and gain grow with the picture and with the number of windows."""
    for side, stride in GROWTH:
        _, proto = make(name, side)
        made = Subject(proto, options.window, stride, threads=options.threads)
        made.map(0, "brute-force")
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
