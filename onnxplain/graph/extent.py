"""Check how large a graph is before anything is opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
import onnx.inliner

from onnxplain.graph.budget import budget, over
from onnxplain.graph.native_faults import check_constants, check_node, check_references, said
from onnxplain.graph.rounds import all_nodes, check_rounds

# Above this many calls, onnx's own inliner is used: that of onnx_ir takes the square of them.
_MANY_CALLS = 500


def check_extent(model: onnx.ModelProto) -> None:
    """Refuse what is too large, too deep, has endless names, or makes ONNX Runtime abort.

    Raises
    ------
    UnsupportedModelError
        If a budget is passed.
    ModelFileError
        If a node is one that libraries end the process at; see `check_node`.
    """
    most = budget()
    for name in _names(model):
        if len(name) > most.name:
            raise over("name", f"name {name[:40]!r}...", f"it has {len(name):,} characters")
    check_references(node for node, _ in all_nodes(model.graph.node))
    owners = [model.graph.node, *(f.node for f in model.functions)]
    for nodes in owners:
        for node, depth in all_nodes(nodes):
            if depth > most.nesting:
                raise over("nesting", said(node), f"its body is {depth} bodies deep")
            check_node(node)
    check_constants(model.graph)
    check_rounds(model)
    sizes: dict[tuple[str, str], int] = {}
    for function in _callees_first(model):
        sizes[function.domain, function.name] = _size(function.node, sizes)
    count = 0
    for node in model.graph.node:
        count += _size([node], sizes)
        if count > most.nodes:
            raise over("nodes", said(node), "the graph has more nodes once functions are inlined")


def with_calls_inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that calls local functions very often with their nodes in their places."""
    calls: dict[tuple[str, str], int] = {}
    for function in _callees_first(model):
        calls[function.domain, function.name] = 1 + _calls(function.node, calls)
    if _calls(model.graph.node, calls) <= _MANY_CALLS:
        return model
    return onnx.inliner.inline_local_functions(model)


def _calls(nodes: Iterable[onnx.NodeProto], calls: dict[tuple[str, str], int]) -> int:
    return sum(calls.get((n.domain, n.op_type), 0) for n, _ in all_nodes(nodes))


def _size(nodes: Iterable[onnx.NodeProto], sizes: dict[tuple[str, str], int]) -> int:
    return sum(sizes.get((n.domain, n.op_type), 1) for n, _ in all_nodes(nodes))


def _callees_first(model: onnx.ModelProto) -> list[onnx.FunctionProto]:
    """Functions after those that they call; the checker has refused cycles."""
    known = {(f.domain, f.name): f for f in model.functions}
    found: dict[tuple[str, str], onnx.FunctionProto] = {}
    waiting = list(known)
    open_: set[tuple[str, str]] = set()
    while waiting:
        key = waiting[-1]
        if key in found:
            waiting.pop()
            continue
        called = {(n.domain, n.op_type) for n, _ in all_nodes(known[key].node)}
        left = [c for c in called if c in known and c not in found and c not in open_]
        if key not in open_ and left:
            open_.add(key)
            waiting += left
        else:
            found[key] = known[key]
            waiting.pop()
    return list(found.values())


def _names(model: onnx.ModelProto) -> Iterator[str]:
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name
    for nodes in (graph.node, *(f.node for f in model.functions)):
        for node, _ in all_nodes(nodes):
            yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
