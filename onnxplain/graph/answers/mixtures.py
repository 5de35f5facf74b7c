"""Probabilities that are averaged, multiplied or resampled stay between zero and one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from onnxplain.graph.answers.groups import softmax_along
from onnxplain.graph.answers.part import PROBABLE, Part, Source, close
from onnxplain.graph.answers.written_softmax import reduced_axes
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

Parts = tuple[Part, ...]
_POOLS = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax"}
_REDUCTIONS = frozenset("ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd".split())
_KEEPS_SUM = frozenset({"ReduceMean", "ReduceSum"})
_CONVEX_RESIZE = frozenset({"nearest", "linear"})


def mixture(
    graph: Graph, shapes: Shapes, tensor: str, parts_of: Callable[[str], Parts]
) -> Part | None:
    """Return what a node makes of probabilities as a whole, or ``None``.

    Parameters
    ----------
    graph, shapes
        The prepared graph and its shapes.
    tensor : str
        The node's output.
    parts_of : callable
        The parts of an operand.
    """
    node = graph.producers.get(tensor)
    if node is None or node.domain or tensor not in shapes:
        return None
    if node.op_type in ("Add", "Sum", "Mean"):
        return _added(shapes, node, [parts_of(i) for i in node.inputs])
    if node.op_type in ("Mul", "Max", "Min"):
        return _multiplied(shapes, node, [parts_of(i) for i in node.inputs])
    kind = _POOLS.get(node.op_type, node.op_type)
    if kind in _REDUCTIONS:
        return _reduced(graph, shapes, node, kind, parts_of(node.inputs[0]))
    if node.op_type in ("Resize", "Upsample", "AveragePool", "MaxPool"):
        return _resampled(shapes, node, parts_of(node.inputs[0]))
    return None


def _common(parts: Parts) -> Part | None:
    """What all parts share: their kind, scale and offset."""
    first = parts[0]
    if any(p.kind not in PROBABLE for p in parts):
        return None
    if any(not close(p.scale, first.scale) or not close(p.offset, first.offset) for p in parts):
        return None
    softmax = all(p.kind == "softmax" for p in parts)
    return first if len(parts) == 1 else replace(first, kind="softmax" if softmax else "sigmoid")


def _along(shapes: Shapes, tensor: str, parts: Parts) -> tuple[int, ...]:
    """Axes that each Softmax of a tensor runs along; empty if there are none."""
    if any(p.kind != "softmax" for p in parts) or tensor not in shapes:
        return ()
    return softmax_along(shapes, parts, shapes[tensor]) or ()


def _added(shapes: Shapes, node: Node, operands: Sequence[Parts]) -> Part | None:
    shape = shapes[node.output]
    terms = [_common(parts) for parts in operands]
    if any(t is None for t in terms) or any(shapes.get(i) != shape for i in node.inputs):
        return None
    known = [t for t in terms if t is not None]
    share = 1 / len(known) if node.op_type == "Mean" else 1.0
    scale = share * math.fsum(t.scale for t in known)
    offset = share * math.fsum(t.offset for t in known)
    if any(t.scale <= 0 for t in known):
        return None
    along = {_along(shapes, i, p) for i, p in zip(node.inputs, operands, strict=True)}
    axes = along.pop() if len(along) == 1 else ()
    softmax = bool(axes)
    note = f"{node.op_type} {node.output!r} (of {len(known)} heads)"
    return Part(
        "softmax" if softmax else "sigmoid",
        Source(node.output),
        axes=axes,
        scale=scale,
        offset=offset,
        notes=(note, *known[0].notes),
        evidence=f"the average of {len(known)} heads ({known[0].evidence} each)",
        node=node,
    )


def _multiplied(shapes: Shapes, node: Node, operands: Sequence[Parts]) -> Part | None:
    terms = [_common(parts) for parts in operands]
    if any(t is None or not t.plain for t in terms):
        return None
    known = [t for t in terms if t is not None]
    product = node.op_type == "Mul"
    if _opposite(operands):
        return _both_sides(node, operands, product)
    along = {_along(shapes, i, p) for i, p in zip(node.inputs, operands, strict=True)}
    if product and len(known) > 1 and along != {()} and len(along) == 1:
        evidence = "products of the probabilities of classes, which no longer sum to one"
        return Part("bounded", Source(node.output), evidence=evidence, node=node)
    what = "a product" if product else "the larger" if node.op_type == "Max" else "the smaller"
    return Part(
        "sigmoid",
        Source(node.output),
        held=Source(node.output),
        notes=(f"{node.op_type} {node.output!r} ({what} of probabilities)", *known[0].notes),
        evidence=f"{what} of probabilities ({', '.join(t.evidence for t in known)})",
        node=node,
    )


def _opposite(operands: Sequence[Parts]) -> bool:
    """Whether two operands are p and 1 - p."""
    sources = [o[0].logit for o in operands if len(o) == 1]
    if len(sources) != 2 or len(operands) != 2:
        return False
    one, other = sources
    return one is not None and other is not None and one.is_minus(other)


def _both_sides(node: Node, operands: Sequence[Parts], product: bool) -> Part:
    """How sure a yes or no is: it says neither of them."""
    if product:
        return Part("bounded", Source(node.output), evidence="p * (1 - p)", node=node)
    first = operands[0][0].logit
    yes = 0 if first is not None and first.scale > 0 else 1
    note = f"{node.op_type} {node.output!r} (of p and 1 - p)"
    return Part("select", Source(node.inputs[yes]), notes=(note,), node=node)


def _reduced(graph: Graph, shapes: Shapes, node: Node, kind: str, parts: Parts) -> Part | None:
    source, shape = node.inputs[0], shapes[node.output]
    term = _common(parts)
    if term is None or source not in shapes:
        return None
    before = shapes[source]
    axes: tuple[int, ...] | None
    if node.op_type in _POOLS:
        axes = tuple(range(2, len(before)))
    else:
        axes = reduced_axes(graph, node, len(before))
    if axes is None:
        return None
    over = _along(shapes, source, parts)
    if set(axes) & set(over):
        if kind not in ("ReduceMax", "ReduceMin"):
            return None
        which = "best" if kind == "ReduceMax" else "smallest"
        note = f"{node.op_type} {node.output!r} (the {which} score alone)"
        return Part("select", Source(source), axes=over, notes=(note,), node=node)
    if kind == "ReduceProd" and not term.plain:
        return None
    keepdims = node.op_type in _POOLS or bool(node.attributes.get("keepdims", 1))
    left = over if keepdims else tuple(a - sum(r < a for r in axes) for a in over)
    count = math.prod(before) // max(math.prod(shape), 1) if kind == "ReduceSum" else 1
    softmax = bool(over) and kind in _KEEPS_SUM
    note = f"{node.op_type} {node.output!r} (over places of probabilities)"
    return Part(
        "softmax" if softmax else "sigmoid",
        Source(node.output),
        axes=left if softmax else (),
        scale=count * term.scale,
        offset=count * term.offset,
        notes=(note, *term.notes),
        evidence=f"{term.evidence}, then {node.op_type}",
        node=node,
    )


def _resampled(shapes: Shapes, node: Node, parts: Parts) -> Part | None:
    """An enlarged map: between its neighbours, so still between zero and one."""
    term = _common(parts)
    source, shape = node.inputs[0], shapes[node.output]
    mode = node.attributes.get("mode", "nearest")
    if term is None or (node.op_type in ("Resize", "Upsample") and mode not in _CONVEX_RESIZE):
        return None
    before = shapes.get(source, ())
    changed = {k for k, (a, b) in enumerate(zip(before, shape, strict=False)) if a != b}
    along = _along(shapes, source, parts)
    keeps = bool(along) and not changed & set(along)
    keeps = keeps and node.op_type != "MaxPool" and len(before) == len(shape)
    return Part(
        "softmax" if keeps else "sigmoid",
        Source(node.output),
        axes=along if keeps else (),
        scale=term.scale,
        offset=term.offset,
        notes=(f"{node.op_type} {node.output!r} (of a map of probabilities)", *term.notes),
        evidence=f"{term.evidence}, then {node.op_type}",
        node=node,
    )
