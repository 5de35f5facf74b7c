"""Branches whose condition is known take the place of their If.

Scripted models and old exporters write an If where the number of axes, or the length of
one, decides (Squeeze, above all); once shapes are known, so is the branch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onnxplain.graph.fold import fold_constants, replace_by_constant
from onnxplain.graph.ir import ir, passes


def resolve_branches(model: ir.Model) -> bool:
    """Replace every If of the main graph whose condition can be worked out, in place.

    Parameters
    ----------
    model : onnx_ir.Model
        With folded constants.

    Returns
    -------
    bool
        Whether anything was replaced; what the branches brought may then be folded.
    """
    if not any(_is_if(node) for node in model.graph):
        return False
    replaced = _inline_known(model)
    while _fold_known_lengths(model):
        fold_constants(model)
        if not _inline_known(model):
            break
        replaced = True
    return replaced


def _is_if(node: ir.Node) -> bool:
    return node.op_type == "If" and not node.domain


def _inline_known(model: ir.Model) -> bool:
    known = [
        (node, bool(condition.const_value.numpy().reshape(-1)[0]))
        for node in model.graph
        if _is_if(node)
        and (condition := node.inputs[0]) is not None
        and condition.const_value is not None
        and condition.const_value.size == 1
    ]
    for node, taken in known:
        branch = node.attributes["then_branch" if taken else "else_branch"].as_graph()
        _inline(model, node, branch)
    return bool(known)


def _inline(model: ir.Model, node: ir.Node, branch: ir.Graph) -> None:
    results = list(branch.outputs)
    for name, initializer in list(branch.initializers.items()):
        branch.initializers.pop(name)
        initializer.name = _unused(model, name)
        model.graph.register_initializer(initializer)
    nodes = list(branch)
    branch.outputs.clear()
    branch.remove(nodes)
    model.graph.insert_before(node, nodes)
    handed_on = []
    for output, result in zip(node.outputs, results, strict=True):
        # An output of the graph keeps its name; so does what has users besides.
        own = ir.Node("", "Identity", [result], num_outputs=1)
        own.outputs[0].shape = output.shape or result.shape
        own.outputs[0].type = output.type or result.type
        handed_on.append(own)
    model.graph.insert_before(node, handed_on)
    for output, own in zip(node.outputs, handed_on, strict=True):
        kept = output.name
        output.name = f"{kept}/branch"
        own.outputs[0].name = kept
        ir.convenience.replace_all_uses_with(output, own.outputs[0], replace_graph_outputs=True)
    model.graph.remove(node, safe=True)


def _unused(model: ir.Model, name: str) -> str:
    taken = set(model.graph.initializers) | {v.name for v in model.graph.inputs}
    taken.update(o.name for node in model.graph for o in node.outputs)
    fresh, count = name, 0
    while fresh in taken:
        count += 1
        fresh = f"{name}/{count}"
    return fresh


def _fold_known_lengths(model: ir.Model) -> bool:
    """Turn lengths of axes that shape inference knows into constants, in place."""
    if not any(_is_if(node) for node in model.graph):
        return False
    passes.ShapeInferencePass(check_type=False, strict_mode=False)(model)
    found = list(_known_lengths(model))
    for output, lengths in found:
        replace_by_constant(model, output, lengths)
    return bool(found)


def _known_lengths(model: ir.Model) -> Iterator[tuple[ir.Value, np.ndarray]]:
    """Outputs of Shape, and of Gather out of one, whose values are known."""
    for node in model.graph:
        if node.op_type != "Shape" or node.domain or not node.outputs[0].uses():
            continue
        lengths = _lengths(node)
        if None not in lengths:
            yield node.outputs[0], np.array(lengths, np.int64)
            continue
        for reader, place in node.outputs[0].uses():
            if reader.op_type != "Gather" or reader.domain or place != 0:
                continue
            index = reader.inputs[1]
            if index is None or index.const_value is None or reader.outputs[0].is_graph_output():
                continue
            places = index.const_value.numpy()
            if not np.all((places >= -len(lengths)) & (places < len(lengths))):
                continue
            picked = np.take(np.array(lengths, object), places)
            if all(n is not None for n in np.ravel(picked)):
                yield reader.outputs[0], np.array(picked, np.int64)


def _lengths(node: ir.Node) -> list[int | None]:
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    if shape is None or node.outputs[0].is_graph_output():
        return [None]
    lengths = [n if isinstance(n, int) else None for n in shape]
    start, end = (node.attributes.get(k) for k in ("start", "end"))
    return lengths[start.as_int() if start else None : end.as_int() if end else None]
