"""One file with windows over it, and two things timed in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import seconds, spread
from onnxplain.adapters.changes import Engine, WindowChanges
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network


class Context:
    """One file, opened, with windows over it."""

    def __init__(
        self,
        proto,
        window: int,
        stride: int,
        *,
        threads: int | None,
        device: str = "cpu",
        batch: int | None = None,
    ) -> None:
        self.network = Network(prepare(proto), device=device, threads=threads, batch_size=batch)
        self.names = [self.network.head.logits]
        self.image = self.network.image
        _ = self.network.ort, self.network.shapes
        self.windows = windows(self.image.size, window, stride)

    def picture(self, seed: int) -> NDArray[np.float32]:
        x = np.random.default_rng(seed).standard_normal(self.image.shape[1:])
        return x.astype(self.image.dtype)

    def map(self, seed: int, engine: Engine) -> tuple[dict, NDArray[np.float64]]:
        """Scores for all windows, covered with zeros, and the engine's record."""
        x = self.picture(seed)
        changes = WindowChanges.from_picture(self.windows, np.zeros_like(x), self.image.spatial)
        run = self.network.ort.windowed(x, changes, self.names, engine=engine)
        blocks = [(i, t[self.names[0]].reshape(len(i), -1)) for i, t in run.blocks]
        order = np.argsort(np.concatenate([i for i, _ in blocks]))
        return dict(run.engine), np.concatenate([scores for _, scores in blocks])[order]

    def covered(self, seed: int) -> NDArray[np.float32]:
        """Whole covered pictures, as a program without this package would make them."""
        x = self.picture(seed)
        batch = np.repeat(x[None], len(self.windows), axis=0)
        at = (slice(None),) * self.image.spatial[0]
        for one, (top, bottom, left, right) in zip(batch, self.windows, strict=True):
            one[(*at, slice(top, bottom), slice(left, right))] = 0
        return batch


def windows(size: tuple[int, int], window: int, stride: int) -> NDArray[np.int64]:
    """Windows at every step, the last ones clipped by the border: as Captum counts them."""
    rows, columns = (
        [(k * stride, min(k * stride + window, n)) for k in range(-(-(n - window) // stride) + 1)]
        for n in size
    )
    return np.array([(*r, *c) for r in rows for c in columns])


def alternate(
    one: Callable[[int], object], other: Callable[[int], object], rounds: int, clock: str
) -> tuple[str, float, float]:
    """Time A B A B ...: the spread of A / B, and the median seconds of both."""
    pairs = [
        (seconds(lambda k=k: one(k), clock), seconds(lambda k=k: other(k), clock))
        for k in range(rounds)
    ]
    slow, fast = (statistics.median(side) for side in zip(*pairs, strict=True))
    return spread([a / b for a, b in pairs]), slow, fast
