"""Replace the fused and integer nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import onnx

from onnxplain.graph.expand import attention, fused, quantised
from onnxplain.graph.expand.builder import Builder, CannotExpandError
from onnxplain.graph.view import Graph, Node

_LIKE = dict.fromkeys(quantised.LIKE, quantised.qlinear_like)
_BOTH = {"QLinearConv": quantised.qlinear_conv}
_STANDARD: Mapping[str, Callable[[Builder], None]] = MappingProxyType(
    {
        "Attention": attention.standard_attention,
        "QLinearMatMul": quantised.qlinear_matmul,
        "MatMulInteger": quantised.integer_product,
        "ConvInteger": quantised.integer_product,
        **_BOTH,
    }
)
_MICROSOFT: Mapping[str, Callable[[Builder], None]] = MappingProxyType(
    {
        "FusedConv": fused.fused_conv,
        "FusedGemm": fused.fused_gemm,
        "FusedMatMul": fused.fused_matmul,
        "TransposeMatMul": fused.fused_matmul,
        "Gelu": fused.gelu,
        "BiasGelu": fused.gelu,
        "FastGelu": fused.fast_gelu,
        "QuickGelu": fused.quick_gelu,
        "SkipLayerNormalization": fused.skip_layer_normalization,
        "Attention": attention.attention,
        "MultiHeadAttention": attention.multi_head_attention,
        "QGemm": quantised.qgemm,
        "QuantizeLinear": quantised.standard,
        "DequantizeLinear": quantised.standard,
        "QLinearConcat": quantised.qlinear_concat,
        "MatMulIntegerToFloat": quantised.matmul_integer_to_float,
        "DynamicQuantizeMatMul": quantised.dynamic_quantize_matmul,
        **_LIKE,
        **_BOTH,
    }
)
_TABLES = {"": _STANDARD, "com.microsoft": _MICROSOFT}


def expand(graph: Graph) -> Graph:
    """Write out fused and integer operators in standard ones, on floating-point numbers.

    Tensors that the file names keep their names and, up to rounding, their values; those
    between the parts of a dynamically quantised product disappear.

    Parameters
    ----------
    graph : Graph
        The prepared graph.

    Returns
    -------
    Graph
        The same object if there is nothing to write out. Operators in a form that is not
        written out (attention with a mask, weights that are computed) stay as they are.
    """
    built = [b for node in graph.nodes if (b := _write_out(graph, node)) is not None]
    if not built:
        return graph
    places = {b.node.index: b for b in built}
    gone = set().union(*(b.replaced for b in built))
    # Where several nodes are replaced, all that the last one reads is known at its place.
    ends = {max(b.replaced): b for b in places.values()}
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.node[:]
    del model.graph.value_info[:]
    for index, proto in enumerate(graph.model.graph.node):
        if index in ends:
            model.graph.node.extend(ends[index].nodes)
        elif index not in gone:
            model.graph.node.append(proto)
    model.graph.initializer.extend(t for b in built for t in b.initializers)
    read = {n for node in model.graph.node for n in node.input}
    used = [t for t in model.graph.initializer if t.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(used)
    weights = {name: array for name, array in graph.weights.items() if name in read}
    return Graph(model, graph.origin, weights, graph.left_out, graph.wrapped)


def _write_out(graph: Graph, node: Node) -> Builder | None:
    function = _TABLES.get(node.domain, {}).get(node.op_type)
    if function is None:
        return None
    builder = Builder(graph, node)
    try:
        function(builder)
    except CannotExpandError:
        return None
    return builder
