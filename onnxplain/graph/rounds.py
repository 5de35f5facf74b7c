"""Loops: how many rounds they may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
from onnx.numpy_helper import to_array

from onnxplain.graph.budget import budget, over
from onnxplain.graph.native_faults import said


def all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[onnx.NodeProto, int]]:
    """Nodes and those of their bodies, each with the number of bodies around it."""
    waiting = [(n, 0) for n in nodes]
    while waiting:
        node, level = waiting.pop()
        yield node, level
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            waiting += [(n, level + 1) for body in inner for n in body.node]


def has_loops(model: onnx.ModelProto) -> bool:
    """Whether a node of the graph or of a body runs its own body again and again."""
    return any(n.op_type in ("Loop", "Scan") for n, _ in all_nodes(model.graph.node))


def check_rounds(model: onnx.ModelProto) -> None:
    """Refuse loops that cannot end before a number of rounds that is too large.

    A loop whose condition changes may have any number for a limit: many exporters write the
    largest one.

    Raises
    ------
    UnsupportedModelError
        If the budget is passed.
    """
    graph = model.graph
    constants = {t.name: t for t in graph.initializer}
    for nodes in (graph.node, *(f.node for f in model.functions)):
        for node, _ in all_nodes(nodes):
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                constants.update(dict.fromkeys(node.output, node.attribute[0].t))
    for nodes in (graph.node, *(f.node for f in model.functions)):
        for node, _ in all_nodes(nodes):
            if node.op_type == "Loop" and not node.domain and _never_stops(node):
                _check(node, constants)


def _check(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> None:
    limit, condition = [*node.input, "", ""][:2]
    starts = not condition or condition not in constants or to_array(constants[condition]).all()
    if not starts:
        return
    if not limit:
        raise over("rounds", said(node), "it has no limit and its condition never changes")
    if limit in constants and to_array(constants[limit]).size == 1:
        rounds = int(to_array(constants[limit]).reshape(-1)[0])
        if rounds > budget().rounds:
            raise over("rounds", said(node), f"it takes {rounds:,} rounds")


def _never_stops(node: onnx.NodeProto) -> bool:
    """Whether the condition that the body hands on is the one that it was given."""
    body = next((a.g for a in node.attribute if a.name == "body"), None)
    if body is None or len(body.input) < 2 or not body.output:
        return False
    source, made = body.output[0].name, {o: n for n in body.node for o in n.output}
    given = body.input[1].name
    for _ in range(len(made) + 1):
        if source == given:
            return True
        maker = made.get(source)
        if maker is None or maker.op_type not in ("Identity", "Cast") or not maker.input:
            return False
        source = maker.input[0]
    return False
