"""Compute once what depends on constants only.

Exporters write shapes and paddings as chains of small nodes; the converters and the
layer finder want the numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from onnxplain.graph.budget import budget, over
from onnxplain.graph.fold_work import work_of
from onnxplain.graph.ir import ir

# Results above this many elements stay computed: folding must not blow the file up.
MAX_ELEMENTS = 1_000_000
# Larger operands are no shapes, so that inference need not read their values.
_SMALL = 1024
# Of most numbers; smaller ones are made larger by what reads them.
_LEAST_BYTES = 4
# Quantised weights stay quantised, random numbers random, and control flow is not entered.
_KEEP = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "If", "Loop", "Scan"}
    | {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"}
    | {"Bernoulli", "Multinomial", "Dropout"}
)
# Before this opset, onnx's own evaluator normalises by a mixture of the running statistics and
# those of the batch, which is what no engine does.
_FOLDED_SINCE = {"BatchNormalization": 14}
# The size of their results depends on values, but is never far above that of their operands.
_BOUNDED = frozenset({"NonZero", "Unique", "Compress"})


def fold_constants(model: ir.Model) -> None:
    """Replace every foldable node of the main graph by initializers, in place.

    Parameters
    ----------
    model : onnx_ir.Model
        Constants have to be initializers already.

    Raises
    ------
    UnsupportedModelError
        If all results together take more memory or work than the budget allows.
    """
    spent = _Spent()
    opsets = [onnx.helper.make_opsetid(d, v) for d, v in model.opset_imports.items()]
    opset = model.opset_imports.get("", 0)
    for node in list(model.graph):
        if not _foldable(node) or opset < _FOLDED_SINCE.get(node.op_type, 0):
            continue
        values = _evaluate(node, opsets, spent)
        if values is None:
            continue
        for old, value in zip(_read(node), values, strict=True):
            replace_by_constant(model, old, value)
        model.graph.remove(node, safe=True)


class _Spent:
    """What the constants of one file have taken so far."""

    def __init__(self) -> None:
        self.work = self.bytes = self._left = 0
        # Of this thread alone: that others work meanwhile is no fault of the file.
        self._begun = time.thread_time()

    def take(self, node: ir.Node, work: int) -> None:
        self.work += work
        if time.thread_time() - self._begun > budget().fold_seconds:
            raise over("fold_seconds", _said(node), "constants up to here take more seconds")
        if self.work > budget().fold_work:
            raise over("fold_work", _said(node), "constants up to here take more steps")

    def leave(self, node: ir.Node, made: int, read: int) -> None:
        """Count what ONNX Runtime will compute; a file may hold as much as it likes."""
        grown = _LEAST_BYTES * max(0, made - read)
        if grown > budget().tensor_bytes:
            raise over("tensor_bytes", _said(node), f"it takes {grown:,} bytes")
        self._left += grown
        if self._left > budget().fold_bytes:
            raise over("fold_bytes", _said(node), "constants up to here take more bytes")

    def keep(self, node: ir.Node, values: list[np.ndarray]) -> None:
        self.bytes += sum(v.nbytes for v in values)
        if self.bytes > budget().fold_bytes:
            raise over("fold_bytes", _said(node), "constants up to here take more bytes")


def _said(node: ir.Node) -> str:
    return f"{node.op_type} (tensor {node.outputs[0].name!r})"


def replace_by_constant(model: ir.Model, old: ir.Value, value: np.ndarray) -> None:
    """Let an initializer take the place and the name of a node's output, in place."""
    name = old.name
    old.name = f"{name}/folded"
    tensor = ir.tensor(value, name=name)
    new = ir.Value(name=name, shape=ir.Shape(value.shape), type=ir.TensorType(tensor.dtype))
    new.const_value = tensor
    model.graph.register_initializer(new)
    ir.convenience.replace_all_uses_with(old, new)


def _foldable(node: ir.Node) -> bool:
    if node.domain or node.op_type in _KEEP or not node.inputs:
        return False
    if any(o.is_graph_output() for o in node.outputs):
        return False
    return all(i is None or i.const_value is not None for i in node.inputs)


def _read(node: ir.Node) -> list[ir.Value]:
    """Outputs that have a name, which is how an absent optional one is told."""
    return [o for o in node.outputs if o.name]


def _evaluate(
    node: ir.Node, opsets: list[onnx.OperatorSetIdProto], spent: _Spent
) -> list[np.ndarray] | None:
    operands = {i.name: i.const_value for i in node.inputs if i and i.name and i.const_value}
    made = _sizes_of_results(node, operands, opsets)
    if made is None:
        return None
    sizes = [t.size for t in operands.values()]
    if any(size > MAX_ELEMENTS for size in made):
        spent.leave(node, sum(made), sum(sizes))
        return None
    texts = any(t.dtype == ir.DataType.STRING for t in operands.values())
    given = node.attributes.values()
    numbers = [int(a.value) for a in given if a.type == ir.AttributeType.INT]
    work = work_of(node.op_type, sizes, made, numbers=numbers, texts=texts)
    if work is None:
        return None
    spent.take(node, work)
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(_alone(node, operands, opsets))
            values: Any = evaluator.run(None, {})
    except Exception:
        # Whatever the reference implementation cannot do is left for the adapters.
        return None
    if not all(isinstance(v, np.ndarray) and v.size <= MAX_ELEMENTS for v in values):
        return None
    spent.keep(node, values)
    return values


def _sizes_of_results(
    node: ir.Node,
    operands: Mapping[str, ir.TensorProtocol],
    opsets: list[onnx.OperatorSetIdProto],
) -> list[int] | None:
    """Elements of each result before anything is computed; ``None`` where they are not known.

    A few bytes of a file can ask for terabytes (ConstantOfShape, Expand, Tile, Range).
    """
    if node.op_type in _BOUNDED:
        # NonZero gives one index for each axis.
        return [sum(t.size * max(len(t.shape), 1) for t in operands.values())]
    if node.op_type == "Range":  # whose inferred length overflows
        start, limit, delta = (
            float(operands[i.name].numpy().item()) for i in node.inputs if i and i.name
        )
        length = abs(limit - start) / abs(delta) if delta else math.inf
        return [math.ceil(length)] if math.isfinite(length) else None
    try:
        inferred = onnx.shape_inference.infer_shapes(
            _alone(node, operands, opsets, largest=_SMALL), data_prop=True
        )
    except Exception:  # what inference cannot do, the reference implementation cannot either
        return None
    sizes = [_elements(output) for output in inferred.graph.output]
    known = [size for size in sizes if size is not None]
    return known if len(known) == len(sizes) else None


def _elements(value: onnx.ValueInfoProto) -> int | None:
    if not value.type.tensor_type.HasField("shape"):
        return None
    dims = value.type.tensor_type.shape.dim
    return math.prod(d.dim_value for d in dims) if all(_known(d) for d in dims) else None


def _known(dim: onnx.TensorShapeProto.Dimension) -> bool:
    return dim.HasField("dim_value") and dim.dim_value >= 0


def _alone(
    node: ir.Node,
    operands: Mapping[str, ir.TensorProtocol],
    opsets: list[onnx.OperatorSetIdProto],
    largest: int | None = None,
) -> onnx.ModelProto:
    """Make a model of one node; operands above `largest` elements are inputs without values."""
    declared = {n for n, t in operands.items() if largest is not None and t.size > largest}
    graph = onnx.helper.make_graph(
        [ir.to_proto(node)],
        "fold",
        [
            onnx.helper.make_tensor_value_info(n, t.dtype.value, list(t.shape.numpy()))
            for n, t in operands.items()
            if n in declared
        ],
        [onnx.helper.make_empty_tensor_value_info(o.name) for o in node.outputs if o.name],
        [
            ir.to_proto(ir.tensor(t.numpy(), name=n))
            for n, t in operands.items()
            if n not in declared
        ],
    )
    return onnx.helper.make_model(graph, opset_imports=opsets)
