"""Where the elements of a node's output stand, from where those of its inputs do.

What attention mixes, what a gate adds and what a kernel sees beside its centre does not move a
place: followed is the path on which an element keeps it. A sum over channels in which places
are folded reaches over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.answers.moves import moved
from onnxplain.graph.answers.written_softmax import reduced_axes
from onnxplain.graph.operators import IN_PLACE, JOINING, Trait, having
from onnxplain.graph.padding import Walk, kernel_size, kernel_walks
from onnxplain.graph.places import Places, joined, most_places, require_countable
from onnxplain.graph.shape_values import ShapeValues
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.squeeze import squeezed_axes
from onnxplain.graph.view import Graph, Node

# Where the second operand of a product stands, if it is not the second input.
_SECOND_OPERAND = {"QLinearMatMul": 3, "com.microsoft::QGemm": 3}
_TURNS_BATCH = ("transBatchA", "transBatchB")
_FUSED_ATTENTION = (
    "Attention",
    "com.microsoft::Attention",
    "com.microsoft::GroupQueryAttention",
    "com.microsoft::MultiHeadAttention",
    "com.microsoft::QAttention",
)


@dataclass(frozen=True)
class Step:
    """One node with what is known about its inputs.

    Attributes
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        The node.
    shapes : mapping of str to tuple of int
        Concrete shapes, as far as they are known.
    known : mapping of str to Places
        Places of tensors in front.
    values : ShapeValues
        What is constant for the shapes of one picture.
    """

    graph: Graph
    node: Node
    shapes: Shapes
    known: Mapping[str, Places]
    values: ShapeValues

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output."""
        return self.shapes[self.node.output]

    def operand(self, number: int) -> Places | None:
        """Places of an input."""
        inputs = self.node.inputs
        return self.known.get(inputs[number]) if number < len(inputs) else None

    @property
    def first(self) -> Places | None:
        """Places of the first input."""
        return self.operand(0)

    def integers(self, name: str, position: int) -> list[int] | None:
        """Values of an attribute, or of the constant input in its place; else ``None``."""
        if name in self.node.attributes:
            return [int(v) for v in np.ravel(self.node.attributes[name])]
        inputs = self.node.inputs
        found = self.values.get(inputs[position]) if len(inputs) > position else None
        return None if found is None else [int(v) for v in np.ravel(found)]


Rule = Callable[[Step], Places | None]


def next_places(step: Step, output: str) -> Places | None:
    """Places of one output of a node; ``None`` if they are not known.

    Raises
    ------
    TooManyPlacesError
        If they would take too much memory.
    """
    require_countable(step.shape)
    if step.node.op_type == "Split":
        found = _part(step, output)
    elif output == step.node.output and step.node.operator in _RULES:
        found = _RULES[step.node.operator](step)
    else:
        found = None
    return found if found is not None and found.fits(step.shapes.get(output)) else None


def _same(step: Step) -> Places | None:
    return step.first


def _combined(step: Step) -> Places | None:
    rank = len(step.shape)
    parts = [p for i in step.node.inputs if (p := step.known.get(i)) is not None]
    wide = [p.broadcast(step.shape) for p in parts if p.rank <= rank]
    return most_places(wide) if wide else None


def _transpose(step: Step) -> Places | None:
    found = step.first
    if found is None:
        return None
    return found.transposed(step.node.attributes.get("perm") or range(found.rank)[::-1])


def _reshape(step: Step) -> Places | None:
    return None if step.first is None else step.first.reshaped(step.shape).spread()


def _squeeze(step: Step) -> Places | None:
    found = step.first
    gone = None if found is None else squeezed_axes(step.graph, step.node, found.rank)
    if found is None or gone is None:
        return _reshape(step)
    return found.reshaped(step.shape).marked(
        [m for k, m in enumerate(found.marks) if k not in gone]
    )


def _unsqueeze(step: Step) -> Places | None:
    found, rank = step.first, len(step.shape)
    new = squeezed_axes(step.graph, step.node, rank)
    if found is None or new is None:
        return _reshape(step)
    marks = iter(found.marks)
    # The axis of a batch of one goes and comes where files take one picture at a time.
    lost = "N" not in found.marks
    own = ["N" if lost and k == 0 else "C" if k in new else next(marks) for k in range(rank)]
    return found.reshaped(step.shape).marked(own)


def _moved(step: Step) -> Places | None:
    found = None if step.first is None else moved(step.graph, step.shapes, step.node.output)
    if step.first is None or found is None or found.flat is None or found.which is not None:
        return None
    return step.first.flat(found.flat, step.shape).spread()


def _gather(step: Step) -> Places | None:
    found, chosen = step.first, step.values.get(step.node.inputs[1])
    if found is None or chosen is None:
        return None
    axis = step.node.attributes.get("axis", 0) % found.rank
    index = chosen.astype(np.int64)
    length = found.shape[axis]
    if ((index < -length) | (index >= length)).any():
        return None
    return found.taken(axis, index % length)


def _slice(step: Step) -> Places | None:
    found = step.first
    starts, ends = step.integers("starts", 1), step.integers("ends", 2)
    if found is None or starts is None or ends is None:
        return found if found is not None and found.shape == step.shape else None
    axes = step.integers("axes", 3) or list(range(len(starts)))
    steps = step.integers("steps", 4) or [1] * len(starts)
    for start, stop, axis, stride in zip(starts, ends, axes, steps, strict=False):
        axis %= found.rank
        length = found.shape[axis]
        # ONNX writes "to the very beginning" as a number far below zero.
        end = None if stride < 0 and stop < -length else stop
        found = found.taken(axis, np.arange(length)[start:end:stride])
    return found


def _part(step: Step, output: str) -> Places | None:
    """One output of a Split."""
    found, outputs = step.first, step.node.outputs
    if found is None or any(o not in step.shapes for o in outputs):
        return None
    axis = step.node.attributes.get("axis", 0) % found.rank
    lengths = [step.shapes[o][axis] for o in outputs]
    number = outputs.index(output)
    return found.taken(axis, sum(lengths[:number]) + np.arange(lengths[number]))


def _concat(step: Step) -> Places | None:
    inputs = [i for i in step.node.inputs if i]
    if step.node.operator == "com.microsoft::QLinearConcat":
        inputs = inputs[2::3]
    parts = [step.known.get(i) for i in inputs]
    axis = step.node.attributes["axis"] % len(step.shape)
    shapes = [
        step.graph.constant_shape(i) if step.graph.is_constant(i) else step.shapes.get(i)
        for i in inputs
    ]
    if any(s is None or len(s) != len(step.shape) for s in shapes):
        return None
    lengths = [s[axis] for s in shapes if s is not None]
    known = [(k, p) for k, p in enumerate(parts) if p is not None]
    if len(known) == 1 and known[0][1].marks[axis] in ("H", "W"):
        # What stands before and after a map is padding.
        number, only = known[0]
        before = sum(lengths[:number])
        return only.resampled(axis, np.arange(sum(lengths)) - np.float64(before))
    return joined(parts, lengths, axis) if known else None


def _tile(step: Step) -> Places | None:
    found, repeats = step.first, step.integers("repeats", 1)
    if found is None or repeats is None:
        return None
    for axis, count in enumerate(repeats):
        if count != 1:
            found = found.taken(axis, np.tile(np.arange(found.shape[axis]), count))
    return found


def _expand(step: Step) -> Places | None:
    found = step.first
    return None if found is None else found.broadcast(step.shape)


def _pad(step: Step) -> Places | None:
    found = step.first
    amounts = step.integers("pads", 1)
    if found is None or amounts is None:
        return None
    axes = [a % found.rank for a in step.integers("axes", 3) or range(found.rank)]
    if len(amounts) != 2 * len(axes):
        return None
    for k, axis in enumerate(axes):
        before, after = amounts[k], amounts[len(axes) + k]
        if before or after:
            positions = np.arange(-before, found.shape[axis] + after)
            found = found.resampled(axis, positions.astype(np.float64))
    return found


def _reduced(step: Step) -> Places | None:
    found = step.first
    axes = None if found is None else reduced_axes(step.graph, step.node, found.rank)
    if found is None or axes is None:
        return None
    return found.contracted(axes, keep=len(step.shape) == found.rank)


def _spatial(step: Step) -> Places | None:
    """A kernel: the output stands where its middle does; channels are summed."""
    found, node = step.first, step.node
    if found is None or found.rank != len(step.shape):
        return None
    last = bool(node.attributes.get("channels_last")) or node.op_type == "NhwcMaxPool"
    axes = list(range(1, found.rank - 1) if last else range(2, found.rank))
    channel = found.rank - 1 if last else 1
    if node.op_type.endswith(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")):
        return found.contracted(axes)
    if "Conv" in node.op_type:
        found = found.contracted([channel])
    size = [found.shape[a] for a in axes]
    kernel = kernel_size(step.graph, step.shapes, node)
    if len(kernel) != len(size):
        return None
    walks = kernel_walks(node, size, kernel)
    turned = node.op_type == "ConvTranspose"
    for axis, walk in zip(axes, walks, strict=True):
        found = found.resampled(axis, _middles(walk, step.shape[axis], turned=turned))
    if found.shape[channel] != step.shape[channel]:
        at = found.contracted([channel]).at
        found = Places(step.shape, found.marks, at, found.guessed)
    return found.marked(_named(found.marks, axes, channel))


def _named(marks: tuple[str, ...], axes: list[int], channel: int) -> list[str]:
    """Marks of a map: what a kernel walks over are places, in the order they had."""
    places = [marks[a] for a in axes]
    if len(axes) == 2 and sorted(places) != ["H", "W"]:
        places = ["H", "W"]
    result = ["N"] * len(marks)
    result[channel] = "C"
    for axis, mark in zip(axes, places, strict=True):
        result[axis] = mark
    return result


def _middles(walk: Walk, count: int, *, turned: bool) -> NDArray[np.float64]:
    """Where the middle of the kernel stands for each entry of the output."""
    half = walk.dilation * (walk.kernel - 1) / 2
    index = np.arange(count, dtype=np.float64)
    if turned:
        return (index + walk.before - half) / walk.stride
    return index * walk.stride - walk.before + half


def _resize(step: Step) -> Places | None:
    found = step.first
    if found is None or found.rank != len(step.shape):
        return None
    for axis, (before, after) in enumerate(zip(found.shape, step.shape, strict=True)):
        if before != after:
            positions = (np.arange(after) + 0.5) * before / after - 0.5
            found = found.resampled(axis, positions)
    return found


def _product(step: Step) -> Places | None:
    """Rows of the first operand, columns of the second; what they share is summed."""
    node, get = step.node, step.node.attributes.get
    second = _SECOND_OPERAND.get(node.operator, 1)
    parts = [step.operand(0), step.operand(second)]
    if any(get(a) for a in _TURNS_BATCH):
        return None
    wide = []
    for number, (places, turns) in enumerate(zip(parts, ("transA", "transB"), strict=True)):
        if places is None or places.rank < 2:
            continue
        if get(turns):
            order = [*range(places.rank)]
            order[-2:] = order[:-3:-1]
            places = places.transposed(order)
        summed = places.contracted([places.rank - 1 - number])
        if summed.rank <= len(step.shape):
            wide.append(summed.broadcast(step.shape))
    return most_places(wide) if wide else None


def _einsum(step: Step) -> Places | None:
    equation = str(step.node.attributes["equation"]).replace(" ", "")
    terms, arrow, result = equation.partition("->")
    if not arrow or "." in equation:
        return None
    wide = []
    for name, term in zip(step.node.inputs, terms.split(","), strict=False):
        places = step.known.get(name)
        if places is None or len(set(term)) != places.rank:
            continue
        left = [k for k, letter in enumerate(term) if letter not in result]
        kept = [letter for letter in term if letter in result]
        found = places.contracted(left, keep=False) if left else places
        found = found.transposed([kept.index(x) for x in result if x in kept])
        own = tuple(n if x in kept else 1 for x, n in zip(result, step.shape, strict=True))
        marks = iter(found.marks)
        spread = found.reshaped(own).marked([next(marks) if x in kept else "C" for x in result])
        wide.append(spread.broadcast(step.shape))
    return most_places(wide) if wide else None


def _attention(step: Step) -> Places | None:
    query = step.first
    if query is None or query.rank != len(step.shape):
        return None
    return query.contracted([query.rank - 1]).broadcast(step.shape)


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys((IN_PLACE | having(Trait.KEEPS_AXES)) - {"CenterCropPad"}, _same),
    **dict.fromkeys(JOINING, _combined),
    **dict.fromkeys(having(Trait.SPATIAL), _spatial),
    **dict.fromkeys(having(Trait.REDUCES), _reduced),
    **dict.fromkeys(having(Trait.PRODUCT), _product),
    **dict.fromkeys(having(Trait.RESHAPES), _reshape),
    **dict.fromkeys(_FUSED_ATTENTION, _attention),
    **dict.fromkeys(("Concat", "com.microsoft::QLinearConcat"), _concat),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("Pad", "com.microsoft::Pad"), _pad),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth", "GatherElements", "GatherND"), _moved),
    "ReverseSequence": _moved,
    "com.microsoft::NhwcMaxPool": _spatial,
    "Einsum": _einsum,
    "Expand": _expand,
    "Gather": _gather,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
