"""Run plans along given cuts, and compare with the whole inputs."""

import numpy as np

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.incremental.execute import Run
from onnxplain.adapters.incremental.pieces import Layout
from onnxplain.adapters.incremental.plan import Planner, Positions
from onnxplain.adapters.incremental.sessions import Sessions
from onnxplain.graph.prepare import prepare
from onnxplain.graph.sections import Sections
from onnxplain.network.network import Network


def windows_of(size, window=(7, 5), stride=(17, 19)):
    """Windows all over a picture; the last ones are clipped by its borders."""
    high, wide = size
    return np.array(
        [
            (t, min(t + window[0], high), left, min(left + window[1], wide))
            for t in range(0, high, stride[0])
            for left in range(0, wide, stride[1])
        ]
    )


class Case:
    """One network, one input, some windows, and what whole inputs give."""

    def __init__(self, proto, names, seed=0, windows=None, batch=4, bound=None):
        self.bound = bound or {}
        self.network = Network(prepare(proto), device="cpu", threads=1, bound=self.bound)
        image, self.batch, self.names = self.network.image, batch, names
        draw = np.random.default_rng(seed)
        self.x = draw.standard_normal(image.shape[1:]).astype(image.dtype)
        other = draw.standard_normal(image.shape[1:]).astype(image.dtype)
        windows = windows_of(image.size) if windows is None else windows
        self.changes = WindowChanges.from_picture(windows, other, image.spatial)
        graph = self.network.graph
        self.sections = Sections(graph, self.network.shapes, image, names)
        self.cuts = list(self.sections.cuts)
        seconds = np.ones(len(self.sections.nodes))
        self.positions = Positions.of(windows)
        self.planner = Planner(self.sections, self.cuts, self.positions, seconds, batch)
        whole = changed_inputs(self.x, self.changes, range(len(windows)), image.spatial)
        self.whole = self.network.ort.activations(whole, names)

    def plans(self, seed, count):
        """The last cuts alone, all cuts, and random ones; only those that crops can serve."""
        draw = np.random.default_rng(seed)
        inner = self.cuts[1:]
        chosen = [[self.cuts[0], c] for c in inner[-2:]] + [self.cuts]
        for _ in range(count):
            some = draw.permutation(len(inner))[: draw.integers(1, 4)]
            chosen.append([self.cuts[0], *(inner[k] for k in sorted(some))])
        found = [self.planner.along(cuts) for cuts in chosen]
        return [p for p in found if p is not None]

    def run(self, plan):
        """The wanted tensors by sections, window by window."""
        sessions = Sessions(self.sections, self.network.ort._open_part, self.bound)
        layout = Layout.of(plan, self.positions, self.sections)
        run = Run(self.sections, layout, sessions, self.x, BatchChoice([self.batch]))
        blocks = list(run.blocks(self.changes, list(range(len(self.changes)))))
        order = np.argsort(np.concatenate([i for i, _ in blocks]))
        return {n: np.concatenate([v[n] for _, v in blocks])[order] for n in self.names}

    def difference(self, plan):
        """Largest difference from the whole inputs, relative to the largest value."""
        found = self.run(plan)
        return max(
            float(np.abs(found[n] - self.whole[n]).max() / np.abs(self.whole[n]).max())
            for n in self.names
        )


def run(context, x, windows, engine="auto", names=None, seed=1):
    """Record and values, window by window."""
    other = np.random.default_rng(seed).uniform(-1, 1, x.shape).astype(np.float32)
    changes = WindowChanges.from_picture(windows, other, context.network.image.spatial)
    names = names or [context.network.head.logits]
    found = context.windowed(x, changes, names, engine=engine)
    blocks = list(found.blocks)
    seen = np.concatenate([i for i, _ in blocks])
    assert sorted(seen) == list(range(len(windows)))
    order = np.argsort(seen)
    return found.engine, {n: np.concatenate([v[n] for _, v in blocks])[order] for n in names}


def require_same(context, x, windows, tolerance=1e-5, names=None):
    names = names or [context.network.head.logits]
    record, found = run(context, x, windows, "incremental", names)
    whole, expected = run(context, x, windows, "brute-force", names)
    assert (record["name"], whole["name"]) == ("incremental", "brute-force")
    for name in names:
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name] / scale, expected[name] / scale, atol=tolerance)
    return record
