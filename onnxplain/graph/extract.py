"""Cut a part out of a graph: the nodes that some tensors are computed from, back to others.

The extraction of onnx_ir has to be told every tensor that comes in, and fails if one is
missing; which ones come in is the question here. It also works on a representation of its own
and copies what it extracts, while a part shares the nodes and the weights of its graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.light import SMALL, fed_later
from onnxplain.graph.view import Graph, Node, TensorInfo


@dataclass(frozen=True)
class Part:
    """Some nodes of a graph, and what they read that they do not compute.

    Attributes
    ----------
    nodes : tuple of Node
        In order.
    entering : tuple of str
        Tensors that come in: given ones, and graph inputs.
    constants : frozenset of str
        Initializers that the nodes read.
    """

    nodes: tuple[Node, ...]
    entering: tuple[str, ...]
    constants: frozenset[str]


def find_part(
    graph: Graph,
    wanted: Iterable[str],
    given: Collection[str] = (),
    *,
    enters: Callable[[str], bool] = lambda _: False,
    reads: Callable[[Node], Iterable[str]] = lambda node: node.reads,
) -> Part:
    """Find everything that some tensors are computed from.

    Parameters
    ----------
    graph : Graph
        The whole.
    wanted : iterable of str
        Tensors to compute.
    given : collection of str
        Tensors that are known: what they are computed from is left out.
    enters : callable, optional
        Says of a further tensor whether it is to be taken as given.
    reads : callable, optional
        Tensors that a node needs, if not all that it reads.
    """
    nodes: dict[int, Node] = {}
    entering: dict[str, None] = {}
    constants: set[str] = set()
    waiting, seen = list(wanted), set[str]()
    while waiting:
        name = waiting.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        node = graph.producers.get(name)
        if graph.is_constant(name):
            constants.add(name)
        elif node is None or name in given or enters(name):
            entering[name] = None
        elif node.index not in nodes:
            nodes[node.index] = node
            waiting.extend(reads(node))
    ordered = tuple(nodes[index] for index in sorted(nodes))
    return Part(ordered, tuple(entering), frozenset(constants))


def find_downstream(graph: Graph, start: str, names: Sequence[str]) -> Part:
    """Find the nodes that have to run again when one tensor changes.

    Parameters
    ----------
    graph : Graph
        The whole.
    start : str
        The tensor.
    names : sequence of str
        Tensors that are wanted.

    Returns
    -------
    Part
        Beside `start`, tensors enter that do not depend on it: shortcuts around it, and
        shapes that were measured in front of it.

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
    part = find_part(graph, names, (start,), enters=lambda name: name not in changed)
    for node in reversed(part.nodes):
        if any(isinstance(a, onnx.GraphProto) for a in node.attributes.values()):
            raise MethodRefusedError(
                f"the graph cannot be cut after layer {start!r}: {node} contains another graph; "
                "use occlusion"
            )
    return part


def part_model(
    graph: Graph,
    part: Part,
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[str],
    changed: Callable[[onnx.NodeProto], onnx.NodeProto] = lambda node: node,
) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Make a model of a part.

    Parameters
    ----------
    graph : Graph
        The whole.
    part : Part
        Some nodes of it.
    inputs : iterable of onnx.ValueInfoProto
        Tensors that are given.
    outputs : iterable of str
        Tensors that are wanted.
    changed : callable, optional
        Returns a node as it is to stand in the model.

    Returns
    -------
    model : onnx.ModelProto
        Large weights are marked as data in another file.
    weights : dict of str to array
        Those weights: the arrays of `graph` itself.
    """
    used = [t for t in graph.model.graph.initializer if t.name in part.constants]
    weights = {
        t.name: graph.constant(t.name)
        for t in used
        if math.prod(t.dims) > SMALL and graph.constant(t.name).dtype.kind in "fiu"
    }
    model = _model(
        graph,
        [changed(graph.model.graph.node[node.index]) for node in part.nodes],
        [fed_later(t) if t.name in weights else t for t in used],
        inputs,
        [onnx.helper.make_empty_tensor_value_info(n) for n in outputs],
    )
    return model, weights


def cut_at(graph: Graph, start: TensorInfo, output: str) -> Graph:
    """Cut a graph: what computes `output` from `start`, which becomes an input.

    Parameters
    ----------
    graph : Graph
        The prepared graph; left unchanged.
    start : TensorInfo
        A tensor with the type and shape that are to be declared.
    output : str
        The graph output that remains.

    Raises
    ------
    MethodRefusedError
        If `output` depends on the inputs of `start` by another way too.
    """
    part = find_part(graph, [output], (start.name,))
    before = graph.ancestors(start.name) - {start.name}
    around = next((n for n in part.nodes if before.intersection(n.reads)), None)
    if around is not None:
        raise MethodRefusedError(
            f"the scores also depend on the picture past tensor {start.name!r}: {around} reads "
            "what comes before it; explain at the input"
        )
    source = graph.model.graph
    kept = {*part.constants, *part.entering} - {start.name}
    cut = _model(
        graph,
        [source.node[node.index] for node in part.nodes],
        [t for t in source.initializer if t.name in part.constants],
        [
            declare(start.name, start.dtype, start.shape),
            *(v for v in source.input if v.name in kept),
        ],
        [v for v in source.output if v.name == output],
    )
    weights = {n: w for n, w in graph.weights.items() if n in part.constants}
    return Graph(cut, graph.origin, weights, graph.left_out)


def declare(
    name: str, dtype: np.dtype[Any], shape: Sequence[int | str | None] | None
) -> onnx.ValueInfoProto:
    """Describe an input of a part."""
    return onnx.helper.make_tensor_value_info(
        name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )


def _model(
    graph: Graph,
    nodes: Iterable[onnx.NodeProto],
    initializers: Iterable[onnx.TensorProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    return onnx.ModelProto(
        ir_version=graph.model.ir_version,
        opset_import=graph.model.opset_import,
        functions=graph.model.functions,
        graph=onnx.GraphProto(
            name=graph.model.graph.name or "part",
            node=nodes,
            input=inputs,
            output=outputs,
            initializer=initializers,
        ),
    )
