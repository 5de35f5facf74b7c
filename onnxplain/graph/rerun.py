"""The part of a graph behind one tensor, as a model of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.extract import declare, part_model
from onnxplain.graph.view import Graph, Node


@dataclass(frozen=True)
class Behind:
    """The nodes that have to run again when one tensor changes.

    Attributes
    ----------
    start : str
        The tensor.
    names : tuple of str
        Tensors that are wanted.
    nodes : tuple of Node
        In order.
    sides : tuple of str
        Tensors that these nodes read and that do not depend on `start`: shortcuts around
        it, and shapes that were measured in front of it.
    constants : frozenset of str
        Initializers that they read.
    """

    start: str
    names: tuple[str, ...]
    nodes: tuple[Node, ...]
    sides: tuple[str, ...]
    constants: frozenset[str]


def find_behind(graph: Graph, start: str, names: Sequence[str]) -> Behind:
    """Find the nodes between a tensor and others.

    Raises
    ------
    MethodRefusedError
        If one of `names` does not depend on `start`, or a branch or loop lies between: what
        its body reads is not among a node's inputs.
    """
    changed = {start}
    for node in graph.nodes:  # shapes count too, unlike in `Graph.descendants`
        if changed.intersection(node.inputs):
            changed.update(o for o in node.outputs if o)
    apart = [n for n in names if n not in changed or n == start]
    if apart:
        raise MethodRefusedError(
            f"{apart[0]!r} is not computed from layer {start!r}; name another one with --layer "
            "(`inspect` lists candidates)"
        )
    needed, sides, constants = set(names), dict[str, None](), set[str]()
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if start in node.outputs or not needed.intersection(node.outputs):
            continue
        if any(isinstance(a, onnx.GraphProto) for a in node.attributes.values()):
            raise MethodRefusedError(
                f"the graph behind layer {start!r} cannot be cut off: {node} holds a graph of its "
                "own; use occlusion"
            )
        nodes.append(node)
        for name in node.inputs:
            if graph.is_constant(name):
                constants.add(name)
            elif name in changed:
                needed.add(name)
            elif name:
                sides[name] = None
    return Behind(start, tuple(names), tuple(nodes[::-1]), tuple(sides), frozenset(constants))


def as_model(
    graph: Graph, part: Behind, given: Mapping[str, NDArray[Any]]
) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Make a model of a part.

    Parameters
    ----------
    graph : Graph
        The whole.
    part : Behind
        What `find_behind` found in it.
    given : mapping of str to array
        Some values of `Behind.start` and `Behind.sides`, for their types and ranks.

    Returns
    -------
    model : onnx.ModelProto
        Its inputs are the tensors `given`; large weights are marked as data in another file.
    weights : dict of str to array
        Those weights: the arrays of `graph` itself.
    """
    return part_model(
        graph,
        [graph.model.graph.node[n.index] for n in part.nodes],
        [declare(name, values.dtype, [None] * values.ndim) for name, values in given.items()],
        part.names,
        part.constants,
    )
