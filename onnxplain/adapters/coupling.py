"""Where in a graph other inputs of a batch come in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.parity import TOLERANCE, resolution
from onnxplain.adapters.trio import Trio, unequal
from onnxplain.errors import OnnxplainError
from onnxplain.graph.training import described
from onnxplain.graph.view import Graph

# Sums of many products are rounded more than once.
_ROUNDINGS = 4.0


def first_coupled(graph: Graph, engine: OrtAdapter, trio: Trio, names: Sequence[str]) -> str:
    """Name the first node, in graph order, whose result for an input depends on the others.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    engine : OrtAdapter
        ONNX Runtime without optimisations, which lets inputs meet.
    trio : Trio
        The batches.
    names : sequence of str
        Tensors at which the batch was seen to matter.

    Returns
    -------
    str
        The operator with its tensor; empty if none was found, or the run failed.
    """
    upstream = set().union(*(graph.ancestors(n) for n in names))
    nodes = [n for n in graph.nodes if upstream & set(n.outputs)]
    tensors = [o for n in nodes for o in n.outputs if o]
    try:
        alone = [engine.activations(x, tensors) for x in (trio.first, trio.last)]
        found = [engine.activations(b, tensors) for b in trio.batches]
    except OnnxplainError:
        return ""
    for by_content in (True, False):
        for node in nodes:
            for name in filter(None, node.outputs):
                values = [f[name] for f in (*alone, *found) if name in f]
                numeric = all(v.dtype.kind in "fiubV" for v in values)
                if len(values) == 5 and numeric and _depends(values, trio.size, by_content):
                    return described(node)
    return ""


def _depends(values: Sequence[Array], size: int, by_content: bool) -> bool:
    """Whether a tensor's part for an input changes with the others, or with their number."""
    first, last, *found = values
    scale = float(np.max(np.abs(found[0].astype(np.float64)), initial=0.0))
    allowed = (_ROUNDINGS * resolution(found[0]) if by_content else TOLERANCE) * scale
    compared = [found[1], found[2]] if by_content else [first, last]
    for other, place in zip(compared, (0, size - 1), strict=True):
        mine = _parts(found[0], first, place, size)
        same = other.shape == found[0].shape
        theirs = _parts(other, first, place, size) if same else [other] * len(mine)
        # Of several readings of an axis, one that shows no dependence is the right one.
        if mine and all(unequal(m, t) > allowed for m, t in zip(mine, theirs, strict=True)):
            return True
    return False


def _parts(values: Array, alone: Array, place: int, size: int) -> list[Array]:
    """What of a tensor belongs to one input, in each possible reading; none if nobody can tell.

    The batch is where the shape differs from that for one input: an axis that is `size` times
    as long, with one input's entries side by side or one in each round. Where the shapes are
    the same, all of it belongs to every input; or the file insists on its batch, and that may
    be any axis.
    """
    if values.ndim != alone.ndim:
        return []
    lengths = list(zip(values.shape, alone.shape, strict=True))
    longer = [k for k, (many, one) in enumerate(lengths) if many != one]
    if len(longer) > 1 or any(lengths[k][0] != size * lengths[k][1] for k in longer):
        return []
    found = [] if longer else [values]
    for axis in longer or [k for k, (many, _) in enumerate(lengths) if many % size == 0]:
        own = values.shape[axis] // size
        found.append(values.take(range(place * own, (place + 1) * own), axis))
        found.append(values.take(range(place, size * own, size), axis))
    return found
