"""Values that a graph computes from shapes alone: ends of slices, indices, repeats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.fold_work import work_of
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

# Elements that such a value has at most, and constants that it is computed from.
_MOST = 1 << 16
# Steps of all of them together, in the units of `fold_work`: seconds.
_MOST_WORK = 10**9


class ShapeValues:
    """Values of tensors that depend on no input's values, for the shapes of one picture.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    shapes : mapping of str to tuple of int
        Concrete shapes; a value of unknown shape is not computed.
    """

    def __init__(self, graph: Graph, shapes: Shapes) -> None:
        self._graph, self._shapes = graph, shapes
        self._found: dict[str, NDArray[Any] | None] = {}
        self._work = 0

    def get(self, name: str) -> NDArray[Any] | None:
        """The value of a tensor, or ``None`` if it is large or depends on an input's values."""
        if self._graph.is_constant(name):
            return self._graph.constant(name)
        waiting = [name]
        while waiting:
            tensor = waiting[-1]
            node = self._graph.producers.get(tensor)
            missing = [] if node is None else self._missing(node)
            if missing:
                waiting += missing
                continue
            if tensor not in self._found:
                self._found[tensor] = None if node is None else self._value(node)
            waiting.pop()
        return self._found[name]

    def _missing(self, node: Node) -> list[str]:
        """What has to be known first; nothing where the value depends on an input's."""
        if node.op_type in ("Shape", "Size") or node.output in self._graph.descendants_of_inputs:
            return []
        constant = self._graph.is_constant
        return [i for i in node.inputs if i and i not in self._found and not constant(i)]

    def _value(self, node: Node) -> NDArray[Any] | None:
        if node.domain or node.captured or len(node.outputs) != 1 or not node.inputs:
            return None
        if node.op_type in ("Shape", "Size"):
            return self._of_shape(node)
        if node.output in self._graph.descendants_of_inputs:
            return None
        return self._computed(node)

    def _of_shape(self, node: Node) -> NDArray[Any] | None:
        shape = self._shapes.get(node.inputs[0])
        if shape is None:
            return None
        if node.op_type == "Size":
            return np.array(math.prod(shape), np.int64)
        return np.array(shape[node.attributes.get("start", 0) : node.attributes.get("end")])

    def _computed(self, node: Node) -> NDArray[Any] | None:
        shape = self._shapes.get(node.output)
        if shape is None or math.prod(shape) > _MOST:
            return None
        feeds: dict[str, NDArray[Any]] = {}
        for name in filter(None, node.inputs):
            if self._graph.is_constant(name):
                if math.prod(self._graph.constant_shape(name)) > _MOST:
                    return None
                feeds[name] = self._graph.constant(name)
            elif (value := self._found.get(name)) is not None:
                feeds[name] = value
            else:
                return None
        work = work_of(
            node.op_type, [v.size for v in feeds.values()], [math.prod(shape)],
            numbers=whole_numbers(node), texts=any(v.dtype.kind in "OU" for v in feeds.values()),
        )  # fmt: skip
        if work is None or self._work + work > _MOST_WORK:
            return None
        self._work += work
        result = evaluated(self._graph, node, feeds, node.output)
        return result if result is not None and result.shape == shape else None


def whole_numbers(node: Node) -> list[int]:
    """Attributes of a node that are one whole number."""
    return [v for v in node.attributes.values() if isinstance(v, int)]


def evaluated(
    graph: Graph, node: Node, feeds: Mapping[str, NDArray[Any]], output: str
) -> NDArray[Any] | None:
    """Run one node in onnx's reference implementation; ``None`` where it cannot."""
    declare = onnx.helper.make_tensor_value_info
    alone = onnx.helper.make_graph(
        [graph.model.graph.node[node.index]],
        "alone",
        [
            declare(n, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), list(v.shape))
            for n, v in feeds.items()
        ],
        [onnx.helper.make_empty_tensor_value_info(output)],
    )
    from onnx.reference import ReferenceEvaluator

    model = onnx.helper.make_model(alone, opset_imports=list(graph.model.opset_import))
    try:
        values: Any = ReferenceEvaluator(model).run(None, dict(feeds))
    except Exception:  # what the reference implementation cannot do is not followed
        return None
    return np.asarray(values[0])
