"""Some nodes of a graph as a model of their own, which shares the graph's weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.light import SMALL, fed_later
from onnxplain.graph.view import Graph


def part_model(
    graph: Graph,
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[str],
    constants: Collection[str],
) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Make a model of some nodes.

    Parameters
    ----------
    graph : Graph
        The whole.
    nodes : iterable of onnx.NodeProto
        In order.
    inputs : iterable of onnx.ValueInfoProto
        Tensors that are given.
    outputs : iterable of str
        Tensors that are wanted.
    constants : collection of str
        Initializers that the nodes read.

    Returns
    -------
    model : onnx.ModelProto
        Large weights are marked as data in another file.
    weights : dict of str to array
        Those weights: the arrays of `graph` itself.
    """
    used = [t for t in graph.model.graph.initializer if t.name in constants]
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
            name="part",
            node=nodes,
            input=inputs,
            output=[onnx.helper.make_empty_tensor_value_info(n) for n in outputs],
            initializer=[fed_later(t) if t.name in weights else t for t in used],
        ),
    )
    return model, weights


def declare(name: str, dtype: np.dtype[Any], shape: Sequence[int | None]) -> onnx.ValueInfoProto:
    """Describe an input of a part."""
    return onnx.helper.make_tensor_value_info(
        name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )
