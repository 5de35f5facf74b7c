"""Which element of which tensor is the logit of a class of a candidate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.answers.part import PROBABLE
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.budget import budget
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import Elements

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


def logits_of(tracer: Tracer, scores: Columns) -> Elements | None:
    """Follow the scores of all candidates back through their activation.

    Parameters
    ----------
    tracer : Tracer
        Of the graph, for a batch of one.
    scores : Columns
        The scores; where they are activated outside of the graph, they stand in its tensors.

    Returns
    -------
    Elements or None
        ``None`` if no score can be followed.
    """
    if scores.batch_axis not in (0, None) or any(t not in tracer.shapes for t in scores.tensors):
        return None
    if any(8 * math.prod(tracer.shapes[t]) > budget().tensor_bytes for t in scores.tensors):
        return None
    positions = {
        t: np.arange(np.prod(tracer.shapes[t])).reshape(tracer.shapes[t]) for t in scores.tensors
    }
    known = _Known(tracer)
    found_which, found_flat = [], []
    for tensor in scores.tensors:
        where = _read(scores, tensor, positions[tensor])
        which, flat = np.full(where.shape, -1), np.zeros(where.shape, np.int64)
        if scores.squash != "none":
            every = np.ones(where.shape, bool)
            known.put(which, flat, every, tensor, where)
        else:
            _follow(known, which, flat, tensor, where, positions[tensor].size)
        found_which.append(which)
        found_flat.append(flat)
    which, flat = np.concatenate(found_which, axis=1), np.concatenate(found_flat, axis=1)
    return Elements(tuple(known.tensors), which, flat) if (which >= 0).any() else None


class _Known:
    """Tensors that hold logits, each with its number."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.tensors: list[str] = []

    def put(
        self, which: Indices, flat: Indices, mine: Mask, tensor: str, positions: Indices
    ) -> None:
        """Note where elements stand in front of what only moves them, such as a Concat."""
        size = int(np.prod(self.tracer.shapes[tensor]))
        for part in self.tracer.parts(tensor):
            moved = part.kind == "raw" and part.plain
            source = part.anchor if moved else None
            inside = np.zeros(size, bool)
            inside[slice(None) if part.slots is None else part.slots] = True
            here = mine & inside[positions]
            if not here.any():
                continue
            if source is None:
                which[here], flat[here] = self._number(tensor), positions[here]
                continue
            back = np.zeros(size, np.int64)
            slots = np.arange(size) if part.slots is None else part.slots
            back[slots] = np.arange(len(slots)) if source.flat is None else source.flat
            which[here], flat[here] = self._number(source.tensor), back[positions[here]]

    def _number(self, tensor: str) -> int:
        if tensor not in self.tensors:
            self.tensors.append(tensor)
        return self.tensors.index(tensor)


def _follow(
    known: _Known, which: Indices, flat: Indices, tensor: str, where: Indices, size: int
) -> None:
    """Follow activated scores of one tensor to what stands in front of the activation."""
    for part in known.tracer.parts(tensor):
        logit = part.logit
        if part.kind not in PROBABLE or logit is None or not part.plain or logit.scale != 1.0:
            continue
        slots = np.arange(size) if part.slots is None else part.slots
        target = np.full(size, -1)
        target[slots] = np.arange(len(slots)) if logit.flat is None else logit.flat
        here = target[where]
        known.put(which, flat, here >= 0, logit.tensor, here)


def _read(scores: Columns, tensor: str, positions: Indices) -> Indices:
    """Flat positions of the scores in one tensor, (K, P)."""
    only = replace(scores.plain, tensors=(tensor,))
    return np.rint(only.read({tensor: positions})[0]).astype(np.int64)
