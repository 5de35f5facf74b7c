"""Where in a graph other inputs of a batch come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.parity import TOLERANCE, resolution
from onnxplain.adapters.trio import Trio, unequal
from onnxplain.errors import OnnxplainError
from onnxplain.graph.training import trains
from onnxplain.graph.view import Graph, Node

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
    behind = set().union(*(graph.ancestors(n) for n in names))
    nodes = [n for n in graph.nodes if behind & set(n.outputs)]
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
                if len(values) == 5 and _depends(values, trio.size, by_content):
                    return _named(node)
    return ""


def _depends(values: Sequence[Array], size: int, by_content: bool) -> bool:
    """Whether a tensor's part for an input changes with the others, or with their number."""
    first, last, *found = values
    scale = float(np.max(np.abs(found[0].astype(np.float64)), initial=0.0))
    pairs: list[tuple[Array, Array, int]]
    if by_content:
        allowed = _ROUNDINGS * resolution(found[0]) * scale
        pairs = [(found[0], found[1], 0), (found[0], found[2], size - 1)]
        like = first
    else:
        allowed, like = TOLERANCE * scale, first
        pairs = [(found[0], first, 0), (found[0], last, size - 1)]
    for one, other, place in pairs:
        mine = list(_parts(one, like, place, size))
        theirs = list(_parts(other, like, place, size)) if by_content else [other] * len(mine)
        # Of several readings of an axis, one that shows no dependence is the right one.
        if mine and all(unequal(m, t) > allowed for m, t in zip(mine, theirs, strict=True)):
            return True
    return False


def _parts(values: Array, alone: Array, place: int, size: int) -> Iterator[Array]:
    """What of a tensor belongs to one input; nothing if that cannot be told.

    The batch is where the shape differs from that for one input: an axis that is `size` times
    as long, with one input's entries side by side or one in each round. A tensor of the same
    shape has no batch: all of it belongs to every input.
    """
    if values.shape == alone.shape:
        yield values
        return
    if values.ndim != alone.ndim:
        return
    longer = [k for k in range(values.ndim) if values.shape[k] != alone.shape[k]]
    if len(longer) != 1 or values.shape[longer[0]] != size * alone.shape[longer[0]]:
        return
    axis, own = longer[0], alone.shape[longer[0]]
    yield values.take(range(place * own, (place + 1) * own), axis)
    if own > 1:
        yield values.take(range(place, size * own, size), axis)


def _named(node: Node) -> str:
    mode = " in training mode" if trains(node) else ""
    return f"{node.operator}{mode} (tensor {node.output!r})"
