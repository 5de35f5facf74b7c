"""What an operator that is preprocessing makes of a tensor that holds the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.pixel_arithmetic import clip, combine, product, quantise, scale, whiten
from onnxplain.graph.pixels import BATCH, CHANNELS, OTHER, PLACES, Pixels
from onnxplain.graph.slices import slice_parts
from onnxplain.graph.squeeze import squeezed_axes
from onnxplain.graph.view import Graph, Node

Found = tuple[Pixels, ...] | None
Step = Callable[[Graph, Node, Pixels], Found]
_MOVED_NOWHERE = frozenset(
    """
    Cast CastLike Identity Dropout Resize Upsample Pad CenterCropPad MaxPool AveragePool
    Round Floor
    """.split()
)
# Preprocessing makes no more of them; a network does.
_MOST_CHANNELS = 64
_ARITHMETIC = frozenset("Add Sub Mul Div Sum Mean".split())
_STANDARDISES = frozenset(
    "InstanceNormalization MeanVarianceNormalization GroupNormalization".split()
)


def step(
    graph: Graph, node: Node, known: Mapping[str, Pixels], counts: Mapping[str, NDArray[Any]]
) -> Found:
    """Say what the outputs of a node hold.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        A node that reads the picture.
    known : mapping of str to Pixels
        Those of the tensors it reads that hold the picture.
    counts : mapping of str to array
        Numbers that the graph computes of how many channels there are.

    Returns
    -------
    tuple of Pixels or None
        One for each output; ``None`` if the node is no such operator.
    """
    if node.domain:
        return None
    if node.op_type == "Concat":
        return _concatenated(node, known)
    if node.op_type in _ARITHMETIC and len(known) > 1:
        return combine(node, known)
    first = next((i for i in node.inputs if i in known), "")
    held = known[first]
    if not held.roles:
        return None
    if node.op_type in _ARITHMETIC:
        return scale(graph, node, first, held)
    if node.inputs[0] != first:
        return None
    if node.op_type in _MOVED_NOWHERE:
        return (held,)
    if node.op_type in _STANDARDISES:
        return (held.freed("shift", node).freed("scale", node),)
    if node.op_type == "Slice":
        return _sliced(graph, node, held, counts)
    found = _STEPS.get(node.op_type)
    return None if found is None else found(graph, node, held)


def reduced_axes(graph: Graph, node: Node, rank: int) -> frozenset[int] | None:
    """Axes over which a reduction goes; ``None`` if the file does not fix them."""
    if node.op_type.startswith("Global"):
        return frozenset(range(2, rank))
    axes = node.attributes.get("axes")
    if len(node.inputs) > 1 and node.inputs[1]:
        if not graph.is_constant(node.inputs[1]):
            return None
        axes = graph.constant(node.inputs[1]).reshape(-1).tolist()
    if not axes:
        none = node.attributes.get("noop_with_empty_axes")
        return frozenset() if none else frozenset(range(rank))
    return frozenset(int(a) % rank for a in axes)


def _transposed(graph: Graph, node: Node, held: Pixels) -> Found:
    order = node.attributes.get("perm") or range(len(held.roles))[::-1]
    if sorted(order) != list(range(len(held.roles))):
        return None
    return (held.laid_out(*(held.roles[k] for k in order)),)


def _squeezed(graph: Graph, node: Node, held: Pixels) -> Found:
    gone = squeezed_axes(graph, node, len(held.roles))
    if gone is None or any(held.roles[k] in PLACES for k in gone):
        return None
    return (held.laid_out(*(r for k, r in enumerate(held.roles) if k not in gone)),)


def _unsqueezed(graph: Graph, node: Node, held: Pixels) -> Found:
    count = len(node.attributes.get("axes", ()))
    if len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
        count = graph.constant(node.inputs[1]).size
    rank = len(held.roles) + count
    new = squeezed_axes(graph, node, rank)
    if not new:
        return None
    rest = iter(held.roles)
    return (held.laid_out(*(OTHER if k in new else next(rest) for k in range(rank))),)


def _reshaped(graph: Graph, node: Node, held: Pixels) -> Found:
    """Axes of another shape mean nothing; one batch axis more or less is known."""
    if len(node.inputs) < 2 or not graph.is_constant(node.inputs[1]):
        return None
    target = graph.constant(node.inputs[1]).reshape(-1).tolist()
    if not target:
        return None
    rank, plain = len(target), tuple(r for r in held.roles if r not in (BATCH, OTHER))
    for lead in ((), (BATCH,)):
        roles = (*lead, *plain)
        if len(roles) == rank and CHANNELS in roles:
            axis = roles.index(CHANNELS)
            kept = target[axis] == 0 and roles[axis : axis + 1] == held.roles[axis : axis + 1]
            if kept or target[axis] == held.count:
                return (held.laid_out(*roles),)
    last = held.roles[-1] == CHANNELS and target[-1] == held.count
    return (held.laid_out(*[OTHER] * (rank - 1), CHANNELS if last else OTHER),)


def _gathered(graph: Graph, node: Node, held: Pixels) -> Found:
    axis = int(node.attributes.get("axis", 0)) % len(held.roles)
    if len(node.inputs) < 2 or not graph.is_constant(node.inputs[1]):
        return None
    shape = graph.constant_shape(node.inputs[1])
    if len(shape) > 1 or max(shape, default=1) > _MOST_CHANNELS:
        return None
    taken = graph.constant(node.inputs[1])
    roles = held.roles if taken.ndim else held.roles[:axis] + held.roles[axis + 1 :]
    if held.roles[axis] != CHANNELS:
        return None if held.roles[axis] in PLACES and not taken.ndim else (held.laid_out(*roles),)
    if np.any(taken < -held.count) or np.any(taken >= held.count):
        return None
    return (held.rows(taken.reshape(-1).astype(int)).laid_out(*roles),)


def _sliced(graph: Graph, node: Node, held: Pixels, counts: Mapping[str, NDArray[Any]]) -> Found:
    parts = slice_parts(graph, node, counts)
    if parts is None or not all(-len(held.roles) <= part[0] < len(held.roles) for part in parts):
        return None
    for axis, start, end, stride in parts:
        if held.roles[axis] != CHANNELS:
            continue
        # Counted backwards from the end, -1 is the last one and anything below the first none.
        stop = None if stride < 0 and end < -held.count else end
        if stride == 0 or not range(*slice(start, stop, stride).indices(held.count)):
            return None
        held = held.rows(slice(start, stop, stride))
    return (held,)


def _split(graph: Graph, node: Node, held: Pixels) -> Found:
    axis = int(node.attributes.get("axis", 0)) % len(held.roles)
    parts = len(node.outputs)
    if held.roles[axis] != CHANNELS:
        return (held,) * parts
    sizes: Sequence[int] | None = node.attributes.get("split")
    if len(node.inputs) > 1 and node.inputs[1]:
        if not graph.is_constant(node.inputs[1]):
            return None
        sizes = graph.constant(node.inputs[1]).reshape(-1).tolist()
    each = -(-held.count // parts)
    sizes = sizes or [each] * (parts - 1) + [held.count - each * (parts - 1)]
    ends = np.cumsum(sizes)
    if len(sizes) != parts or min(sizes) < 1 or ends[-1] != held.count:
        return None
    return tuple(held.rows(slice(e - n, e)) for e, n in zip(ends, sizes, strict=True))


def _concatenated(node: Node, known: Mapping[str, Pixels]) -> Found:
    if not all(i in known for i in node.inputs):
        return None
    parts = [known[i] for i in node.inputs]
    rank = len(parts[0].roles)
    axis = int(node.attributes.get("axis", 0)) % rank
    if len({p.roles for p in parts}) > 1 or len({p.free for p in parts}) > 1:
        return None
    role = parts[0].roles[axis]
    single = all(p.count == 1 for p in parts)
    if role != CHANNELS and not (role == OTHER and single and CHANNELS not in parts[0].roles):
        return None
    stacked = parts[0]
    for part in parts[1:]:
        stacked = stacked.beside(part)
    return (stacked.laid_out(*(CHANNELS if k == axis else r for k, r in enumerate(stacked.roles))),)


def _averaged(graph: Graph, node: Node, held: Pixels) -> Found:
    """Sum or mean of the channels: grey."""
    axes = reduced_axes(graph, node, len(held.roles))
    if axes is None or [held.roles[k] for k in axes] != [CHANNELS]:
        return None
    share = 1.0 / held.count if node.op_type == "ReduceMean" else 1.0
    (axis,) = axes
    kept = node.attributes.get("keepdims", 1)
    roles = held.roles if kept else held.roles[:axis] + held.roles[axis + 1 :]
    return (held.mixed(np.full((1, held.count), share), 0.0, node).laid_out(*roles),)


def _convolved(graph: Graph, node: Node, held: Pixels) -> Found:
    """A convolution of single places that swaps, scales or weighs channels."""
    if held.roles[1:2] != (CHANNELS,) or not graph.is_constant(node.inputs[1]):
        return None
    shape = graph.constant_shape(node.inputs[1])
    group = int(node.attributes.get("group", 1))
    moved = any(s != 1 for s in node.attributes.get("strides", ())) or any(
        p != 0 for p in node.attributes.get("pads", ())
    )
    single = len(shape) > 2 and all(n == 1 for n in shape[2:]) and shape[0] <= _MOST_CHANNELS
    if not single or moved or shape[1] * group != held.count:
        return None
    filters, width = shape[:2]
    rows = graph.constant(node.inputs[1]).astype(np.float64).reshape(filters, width)
    if group > 1:
        if filters != group or width != 1:
            return None
        rows = np.diag(rows[:, 0])
    bias: NDArray[Any] | float = 0.0
    if len(node.inputs) > 2 and node.inputs[2]:
        if not graph.is_constant(node.inputs[2]):
            return None
        bias = graph.constant(node.inputs[2]).astype(np.float64)
        if bias.shape != (filters,):
            return None
    return product(held, rows, bias, node)


def _multiplied(graph: Graph, node: Node, held: Pixels) -> Found:
    if held.roles[-1] != CHANNELS or not graph.is_constant(node.inputs[1]):
        return None
    shape = graph.constant_shape(node.inputs[1])
    if len(shape) != 2 or shape[0] != held.count or shape[1] > _MOST_CHANNELS:
        return None
    matrix = graph.constant(node.inputs[1]).astype(np.float64)
    return product(held, matrix.T, 0.0, node)


_STEPS: dict[str, Step] = {
    "Transpose": _transposed,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Reshape": _reshaped,
    "Gather": _gathered,
    "Split": _split,
    "ReduceSum": _averaged,
    "ReduceMean": _averaged,
    "Conv": _convolved,
    "MatMul": _multiplied,
    "BatchNormalization": whiten,
    "Clip": clip,
    "Min": clip,
    "Max": clip,
    "QuantizeLinear": quantise,
    "DequantizeLinear": quantise,
}
