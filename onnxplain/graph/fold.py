"""Compute once what depends on constants only.

Exporters write shapes and paddings as chains of small nodes; the converters and the
layer finder want the numbers.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

# Results above this many elements stay computed: folding must not blow the file up.
MAX_ELEMENTS = 1_000_000
# Quantised weights stay quantised, random numbers random, and control flow is not entered.
_KEEP = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "If", "Loop", "Scan"}
    | {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"}
    | {"Bernoulli", "Multinomial", "Dropout"}
)


def fold_constants(model: ir.Model) -> None:
    """Replace every foldable node of the main graph by initializers, in place.

    Parameters
    ----------
    model : onnx_ir.Model
        Constants have to be initializers already.
    """
    opsets = [onnx.helper.make_opsetid(d, v) for d, v in model.opset_imports.items()]
    for node in list(model.graph):
        if not _foldable(node):
            continue
        values = _evaluate(node, opsets)
        if values is None:
            continue
        for old, value in zip(_read(node), values, strict=True):
            name = old.name
            old.name = f"{name}/folded"
            tensor = ir.tensor(value, name=name)
            new = ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype))
            new.const_value = tensor
            model.graph.register_initializer(new)
            ir.convenience.replace_all_uses_with(old, new)
        model.graph.remove(node, safe=True)


def _foldable(node: ir.Node) -> bool:
    if node.domain or node.op_type in _KEEP or not node.inputs:
        return False
    if any(o.is_graph_output() for o in node.outputs):
        return False
    return all(i is None or i.const_value is not None for i in node.inputs)


def _read(node: ir.Node) -> list[ir.Value]:
    """Outputs that have a name, which is how an absent optional one is told."""
    return [o for o in node.outputs if o.name]


def _evaluate(node: ir.Node, opsets: list[onnx.OperatorSetIdProto]) -> list[np.ndarray] | None:
    names = {i.name: i.const_value for i in node.inputs if i is not None and i.const_value}
    graph = onnx.helper.make_graph(
        [ir.to_proto(node)],
        "fold",
        [],
        [onnx.helper.make_empty_tensor_value_info(o.name) for o in _read(node)],
        [ir.to_proto(tensor) for tensor in _named(names)],
    )
    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=opsets))
            values = evaluator.run(None, {})
    except Exception:
        # Whatever the reference implementation cannot do is left for the adapters.
        return None
    if not all(isinstance(v, np.ndarray) and v.size <= MAX_ELEMENTS for v in values):
        return None
    return values


def _named(values: dict[str | None, ir.TensorProtocol]) -> list[ir.TensorProtocol]:
    return [ir.tensor(value.numpy(), name=name) for name, value in values.items()]
