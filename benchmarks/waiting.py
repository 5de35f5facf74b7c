"""What it costs that waiting threads spin or sleep, on a quiet machine and on a busy one.

How PyTorch's threads wait is decided when it is loaded, so each way has a process of its own,
which works when it is told to. In each round all do the same work one after the other; the
median of the rounds' ratios to *sleeping* is printed, with the smallest and largest: above one,
sleeping is faster. Then the same again while other processes, which this script starts and ends,
occupy the processors.

- *sleeping*: waiting threads sleep in both engines, as this package has it on a busy machine;
- *brief*: PyTorch's threads spin for some microseconds before they sleep, ONNX Runtime's as they
  do by themselves: as this package has it on a quiet machine;
- *spinning*: both as they are by themselves;
- *alone*: one thread in both engines.

    python -m benchmarks.waiting [--rounds 5] [--busy 2] [--write]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.page import show_rows  # noqa: E402
from benchmarks.timing import seconds, spread  # noqa: E402

MODEL, PICTURE = ROOT / "models/efficientnet-lite0.onnx", ROOT / "examples/photos/chelsea.png"
WAYS = ("sleeping", "brief", "spinning", "alone")
WORK = ("gradient", "lrp", "forward passes")
PASSES = 10
COLUMNS = ("machine, work", "sleeping, s", *(f"{way} over sleeping" for way in WAYS[1:]))
OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def works(way: str) -> dict[str, Callable[[], object]]:
    """Open the model in this process, and return what can be done with it."""
    if way == "spinning":
        import torch  # noqa: F401 - before this package has a say
    import onnxplain
    from onnxplain import machine

    machine.is_busy = lambda: way == "sleeping"
    threads = 1 if way == "alone" else len(os.sched_getaffinity(0))
    model = onnxplain.load(MODEL, device="cpu", threads=threads, engine="pytorch")
    picture = model.read(PICTURE)

    def forward() -> None:
        for _ in range(PASSES):
            model.network.ort.forward(picture.x)

    return {
        "gradient": lambda: model.explain(picture, "gradient", 282),
        "lrp": lambda: model.explain(picture, "lrp", 282),
        "forward passes": forward,
    }


def serve(way: str) -> None:
    """Do the work that is named on standard input, and print how long it took."""
    todo = works(way)
    for work in todo.values():
        work()  # what is done once is not timed
    print("ready", flush=True)
    for line in sys.stdin:
        print(seconds(todo[line.strip()]), flush=True)


class Worker:
    """A process that does the work in one way."""

    def __init__(self, way: str) -> None:
        own = {k: v for k, v in os.environ.items() if k not in OPENMP}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=own,
        )
        assert self._answer() == "ready"

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.communicate()

    def time(self, work: str) -> float:
        """Seconds that the work takes."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{work}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def occupied(count: int) -> Iterator[None]:
    """Let `count` other processes compute."""
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(count)]
    try:
        time.sleep(1)
        yield
    finally:
        for other in others:
            other.terminate()
        for other in others:
            other.wait()


def compared(workers: dict[str, Worker], rounds: int, title: str) -> list[list[str]]:
    """One row for each work: seconds of sleeping, and the others over it."""
    rows = []
    for work in WORK:
        taken = [{way: w.time(work) for way, w in workers.items()} for _ in range(rounds)]
        slept = statistics.median(t["sleeping"] for t in taken)
        ratios = [spread([t[way] / t["sleeping"] for t in taken]) for way in WAYS[1:]]
        rows.append([f"{title}, {work}", f"{slept:.2f}", *ratios])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=os.cpu_count(), help="other processes")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--serve", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f} at the start")
    with ExitStack() as stack:
        workers = {way: stack.enter_context(Worker(way)) for way in WAYS}
        rows = compared(workers, options.rounds, "quiet")
        with occupied(options.busy):
            rows += compared(workers, options.rounds, f"{options.busy} others")
    show_rows("waiting", COLUMNS, rows, write=options.write)


if __name__ == "__main__":
    main()
