"""The way back from some tensors to others as a model of its own, which reads a forward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from onnxplain.errors import ConversionError
from onnxplain.graph.extract import declare
from onnxplain.graph.light import SMALL, fed_later
from onnxplain.graph.view import Graph, captured_by
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import needed_nodes
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.pull_back import slopes_that_arrive


@dataclass(frozen=True, eq=False)
class WayBack:
    """A model that takes slopes back.

    Attributes
    ----------
    model : onnx.ModelProto
        Its large weights are marked as data in another file.
    weights : dict of str to array
        Those weights: the arrays of the graph itself.
    reads : tuple of str
        Tensors of a forward pass that it takes.
    seeds : dict of str to str
        The input that takes the slope of each tensor at which one starts.
    outputs : dict of str to str
        The output for each tensor whose derivative is wanted; what no derivative reaches is
        left out.
    """

    model: onnx.ModelProto
    weights: dict[str, NDArray[Any]]
    reads: tuple[str, ...]
    seeds: dict[str, str]
    outputs: dict[str, str]


def between(graph: Graph, starts: Sequence[str], names: Sequence[str]) -> set[str]:
    """Tensors that a derivative passes on its way, and those that the nodes there read."""
    after = set(names)
    for node in graph.nodes:
        if after.intersection(node.reads):
            after.update(o for o in node.outputs if o)
    before = set[str]().union(*(graph.ancestors(s) for s in starts))
    passed = after & before
    known = {*starts, *names}
    for node in graph.nodes:
        if passed.intersection(node.outputs) and passed.intersection(node.reads):
            known.update(n for n in (*node.reads, *node.outputs) if n)
    return {n for n in known if not graph.is_constant(n)}


def way_back(graph: Graph, facts: Facts, starts: Sequence[str], names: Sequence[str]) -> WayBack:
    """Write the model.

    Parameters
    ----------
    graph : Graph
        A prepared graph of opset 16 or newer.
    facts : Facts
        What is known of the tensors that `between` lists.
    starts : sequence of str
        Tensors at which slopes start.
    names : sequence of str
        Tensors whose derivatives are wanted.

    Raises
    ------
    ConversionError
        If an operator on the way has no rule.
    """
    build = builder_beside(graph)
    seeds = {tensor: build.fresh("slope") for tensor in starts}
    found = slopes_that_arrive(graph, facts, build, seeds, names)
    # Where a derivative arrives as it started, an output may not be an input.
    outputs = {name: build.add("Identity", slope) for name, slope in found.items()}
    return as_model(graph, facts, build, seeds, outputs)


def builder_beside(graph: Graph) -> Builder:
    """Return a builder whose names are not those of a graph."""
    taken = [*graph.tensor_names(), *graph.constant_names, *(n.name for n in graph.nodes)]
    return Builder(taken, graph.constant_names, graph.opsets[""])


def as_model(
    graph: Graph,
    facts: Facts,
    build: Builder,
    seeds: Mapping[str, str],
    outputs: Mapping[str, str],
    also: Sequence[str] = (),
) -> WayBack:
    """Put what was written into a model of its own.

    Parameters
    ----------
    graph, facts
        See `way_back`.
    build : Builder
        Holds the nodes.
    seeds, outputs : mapping of str to str
        See `WayBack`.
    also : sequence of str
        Further outputs.
    """
    given_out = [*outputs.values(), *also]
    nodes = needed_nodes([*build.fixed, *build.nodes], given_out)
    own = {o for node in nodes for o in node.output}
    own.update(seeds.values(), (t.name for t in build.initializers))
    entering = dict.fromkeys(n for n in _read_by(nodes) if n not in own)
    constants = {n for n in entering if graph.is_constant(n)}
    reads = tuple(n for n in entering if n not in constants)
    _require_known(facts, (*reads, *seeds))
    used = [t for t in graph.model.graph.initializer if t.name in constants]
    weights = {
        t.name: graph.constant(t.name)
        for t in used
        if math.prod(t.dims) > SMALL and graph.constant(t.name).dtype.kind in "fiu"
    }
    given = {s: _slope_type(facts.types[t]) for t, s in seeds.items()}
    model = onnx.ModelProto(
        ir_version=graph.model.ir_version,
        opset_import=graph.model.opset_import,
        functions=graph.model.functions,
        graph=onnx.GraphProto(
            name="way back",
            node=nodes,
            input=[
                *(declare(n, facts.types[n], facts.declared(n)) for n in reads),
                *(declare(s, given[s], facts.declared(t)) for t, s in seeds.items()),
            ],
            output=[helper.make_empty_tensor_value_info(o) for o in given_out],
            initializer=[
                *build.initializers,
                *(fed_later(t) if t.name in weights else t for t in used),
            ],
        ),
    )
    return WayBack(model, weights, reads, dict(seeds), dict(outputs))


def _read_by(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    names = []
    for node in nodes:
        names += [i for i in node.input if i]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                names += captured_by(attribute.g)
    return names


def _slope_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Element type of a tensor's slope: its own, or float32 among integers."""
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


def _require_known(facts: Facts, names: Sequence[str]) -> None:
    missing = [n for n in names if n not in facts.types]
    if missing:
        raise ConversionError(f"nothing is known of tensor {missing[0]!r} of the way back")
