"""Operators that pick or replace elements by indices which may depend on the picture."""

from __future__ import annotations

import numpy as np

from onnxplain.graph.padding import kernel_walks
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule


def add_up(at: Back, slope: str, indices: str, axis: int) -> str:
    """Write zeros in the shape of the first input, with a slope added up at indices of an axis."""
    return at(
        "ScatterElements", at.zeros(at.node.inputs[0]), indices, slope, axis=axis, reduction="add"
    )


def gather_back(at: Back, axis: int) -> str:
    """Undo a Gather, whatever its indices: they may differ from batch to batch."""
    rank, between = at.rank(), [1] * at.rank()
    between[axis] = -1
    own = at("Shape", at.x())
    ahead, behind = at("Slice", own, [0], [axis]), at("Slice", own, [axis + 1], [rank])
    flat = at("Reshape", at.slope, at("Concat", ahead, [-1], behind, axis=0))
    indices = at("Reshape", at.x(1), between)
    return add_up(at, flat, at("Expand", indices, at("Shape", flat)), axis)


@rule("GatherElements")
def gather_elements(at: Back) -> list[str]:
    """Added up where an element was picked several times."""
    at.only(0)
    return [add_up(at, at.slope, at.x(1), at.get("axis", 0))]


@rule("GatherND")
def gather_nd(at: Back) -> list[str]:
    """The same of whole sections."""
    at.only(0)
    if at.get("batch_dims", 0):
        raise at.refusal("its first axes are counted apart")
    zeros = at.zeros(at.node.inputs[0])
    return [at("ScatterND", zeros, at.x(1), at.slope, reduction="add")]


@rule("TopK")
def largest(at: Back) -> list[str]:
    """To the elements that were taken."""
    at.only(0)
    return [add_up(at, at.slope, at.name(at.node.outputs[1]), at.get("axis", -1))]


@rule("ScatterElements", "ScatterND")
def scatter(at: Back) -> list[str | None]:
    """What was written over gets nothing; what was written gets what arrives at its place."""
    at.only(0, 2)
    reduction = at.get("reduction", "none")
    if reduction not in ("none", "add"):
        raise at.refusal(f"reduction {reduction!r}")
    elements = at.node.op_type == "ScatterElements"
    along = {"axis": at.get("axis", 0)} if elements else {}
    kept = at.slope
    if reduction == "none" and at.wants(0):
        nothing = at.zeros(at.node.inputs[2])
        kept = at(at.node.op_type, at.slope, at.x(1), nothing, **along)
    written = None
    if at.wants(2):
        written = at("GatherElements" if elements else "GatherND", at.slope, at.x(1), **along)
    return [kept if at.wants(0) else None, None, written]


@rule("CumSum")
def running_sum(at: Back) -> list[str]:
    """The running sum from the other end."""
    at.only(0)
    exclusive, reverse = at.get("exclusive", 0), at.get("reverse", 0)
    return [at("CumSum", at.slope, at.x(1), exclusive=exclusive, reverse=1 - reverse)]


@rule("Col2Im")
def columns_to_image(at: Back) -> list[str]:
    """Every column takes what arrives where its elements were added."""
    at.only(0)
    size, block = at.integers(1), at.integers(2)
    rank = len(size)
    walks = kernel_walks(at.node, size, block)
    before, after = [w.before for w in walks], [w.after for w in walks]
    padded = [n + b + a for n, b, a in zip(size, before, after, strict=True)]
    slope = at("Pad", at.slope, [0, 0, *before, 0, 0, *after], 0.0)
    channels = at.known(at.y_shape[1])
    flat = at("Reshape", slope, [-1, channels, int(np.prod(padded))])
    # Place in the padded image of each element of the block, and of each position.
    within = [np.arange(w.kernel) * w.dilation for w in walks]
    starts = [
        np.arange((n - (w.kernel - 1) * w.dilation - 1) // w.stride + 1) * w.stride
        for n, w in zip(padded, walks, strict=True)
    ]
    places = np.zeros((1,) * (2 * rank), np.int64)
    for k in range(rank):
        both = within[k].reshape(-1, *[1] * (2 * rank - 1 - k)) + starts[k].reshape(
            -1, *[1] * (rank - 1 - k)
        )
        places = places * padded[k] + both
    picked = at("Gather", flat, at.build.constant(places.reshape(-1)), axis=2)
    return [at.like(picked)]
