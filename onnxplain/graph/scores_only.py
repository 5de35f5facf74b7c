"""Cut a graph to what its scores are computed from.

An output beside the scores costs time, may ask for inputs of its own, and may hold operators
that PyTorch or ONNX Runtime lack. None of that concerns an explanation of the scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import onnx
from google.protobuf.message import Message

from onnxplain.graph.bodies import CONTROL_FLOW, nodes_with_bodies
from onnxplain.graph.left_out import LeftOut
from onnxplain.graph.output_names import file_outputs
from onnxplain.graph.view import Graph, captured_by

# Attributes of a Scan that hold one number for each stacked result.
_PER_RESULT = frozenset({"scan_output_axes", "scan_output_directions"})


def cut_to_scores(graph: Graph, output: str, *others: str) -> Graph:
    """Leave out what the explained tensors are not computed from.

    Graph outputs that it is computed from stay: ONNX Runtime fuses nodes around them, as it
    does in the whole file. A graph whose output depends on no input keeps all of them.

    Parameters
    ----------
    graph : Graph
        The prepared graph; left unchanged.
    output : str
        The graph output to explain, or a tensor, which becomes one.
    *others : str
        Further ones.

    Returns
    -------
    Graph
        With `Graph.left_out`; the same object if nothing is to be left out.
    """
    source = graph.model.graph
    nodes, read, less = _needed(source.node, {output, *others})
    fed = {i.name for i in graph.inputs}
    inputs = fed & read or fed
    outputs = [v for v in source.output if v.name in read]
    declared = {v.name for v in outputs}
    inner = [n for n in dict.fromkeys((output, *others)) if n not in declared]
    outputs += [onnx.helper.make_empty_tensor_value_info(n) for n in inner]
    if not less and len(inputs) == len(fed) and len(outputs) == len(source.output):
        return graph
    cut = onnx.ModelProto(
        ir_version=graph.model.ir_version,
        opset_import=graph.model.opset_import,
        functions=graph.model.functions,
        graph=onnx.GraphProto(
            name=source.name,
            node=nodes,
            initializer=[t for t in source.initializer if t.name in read],
            input=[v for v in source.input if v.name in inputs],
            output=outputs,
            value_info=[v for v in source.value_info if v.name in read],
        ),
    )
    weights = {n: w for n, w in graph.weights.items() if n in read}
    left_out = LeftOut(
        output,
        tuple(o for o in file_outputs(graph) if o not in read),
        tuple(i.name for i in graph.inputs if i.name not in inputs),
        _operators(graph) - _operators(Graph(cut)),
        _leading(graph, read),
        {n.name: n.output for n in graph.nodes if n.name and read.isdisjoint(n.outputs)},
    )
    return Graph(cut, graph.origin, weights, left_out, graph.wrapped)


def _needed(
    nodes: Sequence[onnx.NodeProto], wanted: Iterable[str]
) -> tuple[list[onnx.NodeProto], set[str], bool]:
    """Nodes that compute the wanted tensors, what they touch, and whether anything went."""
    touched = set(wanted)
    kept: list[onnx.NodeProto] = []
    less = False
    for original in reversed(nodes):
        if touched.isdisjoint(o for o in original.output if o):
            less = True
            continue
        node = _trimmed(original, touched)
        less |= node is not original
        touched.update(name for name in (*node.input, *node.output) if name)
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                touched.update(captured_by(body))
        kept.append(node)
    return kept[::-1], touched, less


def _trimmed(node: onnx.NodeProto, wanted: set[str]) -> onnx.NodeProto:
    """Take results that nobody wants out of an If, Loop or Scan; the node itself if there are none.

    What a loop carries on stays, for the next round may read it.
    """
    if node.domain not in ("", "ai.onnx") or node.op_type not in CONTROL_FLOW:
        return node
    carried = _carried(node)
    gone = [k for k, o in enumerate(node.output) if k >= carried and o not in wanted]
    trimmed = onnx.NodeProto()
    trimmed.CopyFrom(node)
    _drop(trimmed.output, gone)
    lead = 1 if node.op_type == "Loop" else 0  # its body returns the condition first
    for attribute in trimmed.attribute:
        if attribute.HasField("g"):
            _drop(attribute.g.output, [k + lead for k in gone])
            _trim_body(attribute.g)
        elif attribute.name in _PER_RESULT:
            _drop(attribute.ints, [k - carried for k in gone])
    return node if trimmed == node else trimmed


def _trim_body(body: onnx.GraphProto) -> None:
    nodes, touched, less = _needed(body.node, [o.name for o in body.output])
    if less:
        _replace(body.node, nodes)
        _replace(body.initializer, [t for t in body.initializer if t.name in touched])


def _carried(node: onnx.NodeProto) -> int:
    """How many of the first results are carried from round to round; of an old Scan, at most."""
    if node.op_type == "If":
        return 0
    if node.op_type == "Loop":
        return max(len(node.input) - 2, 0)
    return len(node.input) - sum(a.i for a in node.attribute if a.name == "num_scan_inputs")


def _drop(values: Any, indices: Sequence[int]) -> None:
    for k in sorted(indices, reverse=True):
        if k < len(values):  # a file may hold less than its nodes promise
            del values[k]


def _replace(field: Any, messages: Sequence[Message]) -> None:
    kept = [type(m).FromString(m.SerializeToString()) for m in messages]
    del field[:]
    field.extend(kept)


def _operators(graph: Graph) -> Counter[str]:
    return Counter(node.operator for node, _ in nodes_with_bodies(graph))


def _leading(graph: Graph, read: set[str]) -> dict[str, tuple[str, ...]]:
    """Tensors that were not read, each with the outputs that are computed from it."""
    outputs: dict[str, tuple[str, ...]] = {}
    for output in (o.name for o in graph.outputs):
        for tensor in graph.ancestors(output) - read:
            outputs[tensor] = (*outputs.get(tensor, ()), output)
    return outputs
