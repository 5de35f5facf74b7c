"""Occlusion, RISE and LIME over many networks, against the best loop that a person would write.

    python -m benchmarks.plain_loops [--networks resnet18,...] [--rounds 3] [--write]

The loop makes the perturbed inputs and calls an open session of ONNX Runtime, with the batch of 1,
2, 4, 8, 16 or 32 that takes the least time. Loop and explanation run in turns, on a further picture
each time; the ratio is the loop's time over ours. One thread: time of the processor; two threads:
time on the wall. "left out" is by how much fewer operations occlusion needs at best, where
it computes only what windows change. With --write, the rows of the networks that were
measured are put into docs/benchmarks.md, and the others stay.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# One thread is one thread: those of OpenBLAS go on spinning after a product, and the time of the
# processor counts them. NumPy reads this as it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import onnxruntime
import torch  # noqa: F401 - before any session: its threads are told how to wait

import onnxplain
from benchmarks.page import put_rows
from benchmarks.plain_loops.loops import CELLS, LOOPS, REGIONS
from benchmarks.plain_loops.networks import NETWORKS, file_of
from benchmarks.timing import seconds, spread
from onnxplain.adapters.changes import WindowChanges
from onnxplain.perturb.regions import find_regions
from onnxplain.perturb.window_grid import WindowGrid

BATCHES = (1, 2, 4, 8, 16, 32)
# Perturbed inputs: as many as take so many seconds, within bounds.
SECONDS, LEAST, MOST = 0.7, 100, 1000
# Idle threads of a session spin for some 20 ms after a run, in the way of the other side.
REST = 0.05
# Each batch of the loop is tried on as many inputs as take so many seconds, at least on so many.
TRIED_SECONDS, TRIED = 0.2, 32
COLUMNS = (
    "network", "input", "occlusion", "RISE", "LIME", "best batches of the loops",
    "left out", "occlusion, two threads",
)  # fmt: skip


class Side:
    """A network with one way of threads, ready for both sides."""

    def __init__(self, file: Path, threads: int, clock: str, rounds: int) -> None:
        self.model = onnxplain.load(
            file, device="cpu", threads=threads,
            **({} if file.parent.name == "models" else {"preprocess": "imagenet-torch"}),
        )  # fmt: skip
        network = self.model.network
        self.clock, self.rounds, self.size = clock, rounds, network.image.size
        self.nhwc = network.image.layout == "NHWC"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
        self.index = 0
        # A saturated probability would be explained twice, see `Model.explain`.
        self.kind = "logit" if network.has_logits else None
        first = self.picture(0).x.astype(np.float32)
        first = np.moveaxis(first, -1, 1) if self.nhwc else first
        self.run(first)
        one = min(seconds(lambda: self.run(first), clock) for _ in range(3))
        self.count = int(np.clip(SECONDS / one, LEAST, MOST))
        self.tried = int(np.clip(TRIED_SECONDS / one, TRIED, self.count))
        self.stride = self._window() if self.count < MOST else max(1, self._window() // 2)
        self.grid = WindowGrid.fitting(self.size, self._window(), self.stride)

    def _window(self) -> int:
        return (
            max(1, min(self.size) // 14) if min(self.size) >= 112 else max(2, min(self.size) // 8)
        )

    def picture(self, k: int) -> onnxplain.inputs.picture.Picture:
        channels = self.model.network.image.channels
        shape = (*self.size, channels) if channels > 1 else self.size
        return self.model.read(np.random.default_rng(k).integers(0, 256, shape, np.uint8))

    def run(self, x: np.ndarray) -> np.ndarray:
        given = self.session.get_inputs()[0]
        x = np.moveaxis(x, 1, -1) if self.nhwc else x
        return self.session.run(None, {given.name: np.ascontiguousarray(x)})[0][:, self.index]

    def ratio(self, name: str) -> tuple[str, int]:
        """Time of the loop over ours, and the loop's batch."""
        more: dict[str, object] = {"count": self.count}
        own: dict[str, object] = {"samples": self.count}
        if name == "occlusion":
            more = {"windows": self.grid.windows}
            own = {"window": self._window(), "stride": self.stride, "fill_with": "0"}
        elif name == "rise":
            own |= {"cells": CELLS, "fill_with": "0"}
        first = self.picture(0)
        if name == "lime":
            own |= {"segments": "grid", "regions": REGIONS}
            context = onnxplain.network.context.Context(self.model.network, self.model.preprocess)
            more["labels"] = find_regions(context, first.x[0], "grid", REGIONS)

        def loop(batch: int, k: int, more: dict[str, object] = more) -> object:
            x = self.picture(k).x.astype(np.float32)
            x = np.moveaxis(x, -1, 1) if self.nhwc else x
            return LOOPS[name](self.run, x, batch, **more)

        def ours(k: int) -> object:
            return self.model.explain(self.picture(k), name, self.index, kind=self.kind, **own)

        took = {}
        few = {
            **more,
            **(
                {"windows": self.grid.windows[: self.tried]}
                if "windows" in more
                else {"count": self.tried}
            ),
        }
        for batch in BATCHES:
            loop(batch, 0, few)
            took[batch] = min(self.time(partial(loop, batch, k, few)) for k in range(2))
        best = min(took, key=lambda b: took[b])
        for k in range(2):
            ours(k)
        pairs = [
            (self.time(partial(loop, best, k)), self.time(partial(ours, k)))
            for k in range(2, 2 + self.rounds)
        ]
        return spread([their / our for their, our in pairs]), best

    def time(self, work: Callable[[], object]) -> float:
        if self.clock == "wall":
            time.sleep(REST)
        return seconds(work, self.clock)

    def bound(self) -> float:
        """How many times fewer operations occlusion needs at best."""
        ort, image = self.model.network.ort, self.model.network.image
        windows = self.grid.windows
        from onnxplain.adapters.incremental.engine import _NamedTensors

        names = (self.model.network.head.logits,)
        named = _NamedTensors(ort._windows._services, names)
        nothing = np.zeros(image.shape[1:], np.float32)
        changes = WindowChanges.from_picture(windows, nothing, image.spatial)
        return named._gain_in_operations(changes) if len(named._cuts) > 1 else 1.0


def row(name: str, folder: Path, rounds: int, two: bool) -> list[str]:
    """Measure one network."""
    file = file_of(name, folder)
    one = Side(file, 1, "cpu", rounds)
    found = {method: one.ratio(method) for method in LOOPS}
    cells = [name, "x".join(map(str, one.size)), *(said for said, _ in found.values())]
    cells.append(", ".join(str(batch) for _, batch in found.values()))
    cells.append(f"{one.bound():.2f}")
    cells.append(Side(file, 2, "wall", rounds).ratio("occlusion")[0] if two else "")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where network files are kept between runs")
    parser.add_argument("--make", action="store_true", help="make the files, and measure nothing")
    parser.add_argument("--write", action="store_true", help="put the rows into the page")
    options = parser.parse_args()
    names = options.networks.split(",")
    two = len(os.sched_getaffinity(0)) > 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows = []
        for name in names:
            if name not in NETWORKS:
                sys.exit(f"no network {name!r}; known: {', '.join(NETWORKS)}")
            if options.make:
                file_of(name, folder)
                continue
            rows.append(row(name, folder, options.rounds, two))
            print(" | ".join(rows[-1]), flush=True)
            if options.write:
                put_rows("plain-loops", COLUMNS, [rows[-1]])


if __name__ == "__main__":
    main()
