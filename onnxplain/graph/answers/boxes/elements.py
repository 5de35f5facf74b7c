"""Which element of which tensor is the logit of a class of a candidate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onnxplain.graph.answers.part import PROBABLE
from onnxplain.graph.answers.trace import Tracer
from onnxplain.targets.boxes.columns import Columns
from onnxplain.targets.boxes.layout import Elements


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
    positions = {
        t: np.arange(np.prod(tracer.shapes[t])).reshape(tracer.shapes[t]) for t in scores.tensors
    }
    tensors: list[str] = []
    found_which, found_flat = [], []
    for tensor in scores.tensors:
        where = _read(scores, tensor, positions[tensor])
        which, flat = np.full(where.shape, -1), np.zeros(where.shape, np.int64)
        if scores.squash != "none":
            which[:], flat[:] = _number(tensors, tensor), where
        else:
            for part in tracer.parts(tensor):
                if part.kind not in PROBABLE or part.logit is None or not part.plain:
                    continue
                if part.logit.scale <= 0:
                    continue
                size = positions[tensor].size
                slots = np.arange(size) if part.slots is None else part.slots
                source = part.logit.flat
                target = np.full(size, -1)
                target[slots] = np.arange(len(slots)) if source is None else source
                here = target[where]
                mine = here >= 0
                which[mine] = _number(tensors, part.logit.tensor)
                flat[mine] = here[mine]
        found_which.append(which)
        found_flat.append(flat)
    which, flat = np.concatenate(found_which, axis=1), np.concatenate(found_flat, axis=1)
    return Elements(tuple(tensors), which, flat) if (which >= 0).any() else None


def _read(scores: Columns, tensor: str, positions: np.ndarray) -> np.ndarray:
    """Flat positions of the scores in one tensor, (K, P)."""
    only = replace(scores.plain, tensors=(tensor,))
    return np.rint(only.read({tensor: positions})[0]).astype(np.int64)


def _number(tensors: list[str], tensor: str) -> int:
    if tensor not in tensors:
        tensors.append(tensor)
    return tensors.index(tensor)
