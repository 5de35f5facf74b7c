"""The part of a graph behind one tensor, as a model of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.light import SMALL, fed_later
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
    used = [t for t in graph.model.graph.initializer if t.name in part.constants]
    weights = {
        t.name: graph.constant(t.name)
        for t in used
        if math.prod(t.dims) > SMALL and graph.constant(t.name).dtype.kind in "fiu"
    }
    model = onnx.ModelProto(
        ir_version=graph.model.ir_version,
        opset_import=graph.model.opset_import,
        functions=graph.model.functions,
        graph=onnx.GraphProto(
            name="behind",
            node=[graph.model.graph.node[n.index] for n in part.nodes],
            input=[_declare(name, values) for name, values in given.items()],
            output=[onnx.helper.make_empty_tensor_value_info(n) for n in part.names],
            initializer=[fed_later(t) if t.name in weights else t for t in used],
        ),
    )
    return model, weights


def _declare(name: str, values: NDArray[Any]) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(values.dtype))
    return onnx.helper.make_tensor_value_info(name, kind, [None] * values.ndim)
