"""Follow the picture from the input to the first operator that is no preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.channel_count import counted
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.nonsense import unless_nonsense
from onnxplain.graph.pixel_steps import reduced_axes, step
from onnxplain.graph.pixels import PLACES, Pixels
from onnxplain.graph.view import Graph, Node

_OF_SHAPES = frozenset({"Shape", "Size"})
_REDUCING = frozenset(
    """
    ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare
    GlobalAveragePool GlobalMaxPool
    """.split()
)
# What is calculated of a picture on the way to its deviation.
_POWERS = frozenset({"Mul", "Pow", "Abs"})
# What is calculated of numbers that stand for a whole picture.
_OF_NUMBERS = frozenset(
    """
    Add Sub Mul Div Sqrt Pow Reciprocal Max Min Clip Cast Identity Neg Abs Sum Squeeze
    Unsqueeze Reshape Expand Where Equal Greater Less ConstantOfShape Gather Concat Slice
    ReduceProd Range
    """.split()
)


@dataclass(frozen=True)
class Flow:
    """What is known of the tensors between the input and the network proper.

    Attributes
    ----------
    pixels : mapping of str to Pixels
        Tensors that hold the picture.
    last : str
        The one that the first other operator reads.
    """

    pixels: Mapping[str, Pixels]
    last: str


def follow(graph: Graph, image: ImageInput) -> Flow:
    """Follow the picture as far as it is only moved, mixed, scaled and shifted.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input.
    """
    pixels = {image.name: Pixels.of_input(image.layout, image.channels)}
    numbers: dict[str, bool] = {}  # of the whole picture: True, of shapes alone: False
    counts: dict[str, NDArray[Any]] = {}
    powers: set[str] = set()
    last = image.name
    for node in graph.nodes:
        read = [i for i in node.inputs if i and not graph.is_constant(i)]
        known = {i: pixels[i] for i in read if i in pixels}
        if node.op_type in _OF_SHAPES or all(i in counts for i in read):
            value = unless_nonsense(counted, graph, node, pixels, counts)
            if value is not None:
                counts[node.output] = value
        if node.op_type in _OF_SHAPES or (not known and not read):
            numbers.update(dict.fromkeys(node.outputs, False))
        elif node.op_type in _OF_NUMBERS and all(i in numbers for i in read):
            measured = any(numbers[i] for i in read)
            numbers.update(dict.fromkeys(node.outputs, measured))
        elif unless_nonsense(_measures, graph, node, known, powers):
            numbers[node.output] = True
        elif known:
            with np.errstate(all="ignore"):
                found = unless_nonsense(_of_picture, graph, node, known, numbers, counts)
            if found is not None and all(p.finite for p in found):
                pixels.update(zip(node.outputs, found, strict=False))
                last = node.output
            elif _is_power(graph, node, known):
                powers.add(node.output)
            else:
                return Flow(pixels, next(i for i in read if i in known))
    return Flow(pixels, last)


def _of_picture(
    graph: Graph,
    node: Node,
    known: Mapping[str, Pixels],
    numbers: Mapping[str, bool],
    counts: Mapping[str, NDArray[Any]],
) -> tuple[Pixels, ...] | None:
    """What the outputs of a node hold; ``None`` if that is no longer the picture."""
    first = node.inputs[0]
    measured = [i for i in node.inputs if numbers.get(i)]
    if measured and first in known and node.op_type in ("Sub", "Div", "Mul"):
        # Each picture's own mean or deviation: what the input's was, no longer matters.
        which = {"Sub": "shift", "Div": "scale", "Mul": "scale"}[node.op_type]
        return (known[first].freed(which, node),)
    return step(graph, node, known, counts)


def _measures(graph: Graph, node: Node, known: Mapping[str, Pixels], powers: set[str]) -> bool:
    """Whether a node makes one number, or one for each channel, of all places of a picture."""
    if node.op_type not in _REDUCING or not node.inputs:
        return False
    if node.inputs[0] in powers:
        return True
    held = known.get(node.inputs[0])
    if held is None:
        return False
    axes = reduced_axes(graph, node, len(held.roles))
    return axes is not None and all(held.roles.index(p) in axes for p in PLACES if p in held.roles)


def _is_power(graph: Graph, node: Node, known: Mapping[str, Pixels]) -> bool:
    """Whether a node squares the picture, and only sums over all places read that."""
    if node.op_type not in _POWERS:
        return False
    if not all(i in known or graph.is_constant(i) for i in node.reads):
        return False
    readers = graph.consumers.get(node.output, ())
    return bool(readers) and all(r.op_type in _REDUCING for r in readers)
