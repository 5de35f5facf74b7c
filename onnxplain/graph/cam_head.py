"""Recognise "global average pooling, then one linear layer", which CAM needs.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, eq. 1-2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.expand import expand
from onnxplain.graph.head import Head
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node

_PASSIVE = frozenset(
    "Flatten Squeeze Unsqueeze Reshape Transpose Identity Dropout Cast QuantizeLinear "
    "DequantizeLinear".split()
)


# Rows are read one by one if they are no more than one in so many.
_FEW = 8


@dataclass(frozen=True)
class CamHead:
    """The linear map from averaged feature maps to logits.

    Attributes
    ----------
    weight : (K, C) array
        How much map c counts for class k.
    bias : (K,) array
        Constant part of each logit.
    """

    weight: NDArray[Any]
    bias: NDArray[Any]

    def mixed(self, shares: NDArray[Any]) -> NDArray[Any]:
        """Sum of the rows of `weight` by the shares of their classes, (C,).

        Where all classes but a few have one share, as in a logit less the mean of all others, few
        rows are read. The threads of BLAS would read them all, and wait for each other where
        pictures before and after are read and drawn beside: that took more time of a processor
        than a forward pass.
        """
        usual = shares[np.argsort(shares)[len(shares) // 2]]
        own = np.flatnonzero(shares != usual)
        if _FEW * len(own) > len(shares):
            every: NDArray[Any] = shares @ self.weight
            return every
        rest = self._total * usual if usual else 0.0
        found: NDArray[Any] = (self.weight[own] * (shares[own] - usual)[:, None]).sum(axis=0) + rest
        return found

    @cached_property
    def _total(self) -> NDArray[Any]:
        return self.weight.sum(axis=0)


def find_cam_head(
    graph: Graph, shapes: Shapes, layer: SpatialLayer, head: Head
) -> tuple[CamHead | None, str]:
    """Find the linear head that follows a layer.

    Parameters
    ----------
    graph, shapes
        The prepared graph with its concrete shapes. Fused and integer operators are linear
        too, once they are written out.
    layer : SpatialLayer
        The feature maps.
    head : Head
        The classification output.

    Returns
    -------
    CamHead or None
        The head, if the layer is followed by a global average and one linear layer (or a
        1x1 convolution and a global average, where the maps are the class maps).
    str
        Why there is none; empty if there is.
    """
    written = graph
    graph = expand(written)
    chain, end = _chain(graph, layer.name, head.logits)
    if end != head.logits:
        return None, _parting(written, [layer.name, *(n.output for n in chain)], head.logits)
    pooled, weight, bias = False, None, None
    tensor, axes = layer.name, layer.axes
    others = layer.tokens(shapes[layer.name]) - math.prod(layer.grid)
    for node in chain:
        if node.op_type == "Transpose" and not pooled:
            order = node.attributes.get("perm") or range(len(axes))[::-1]
            axes = tuple(axes[p] for p in order)
        elif node.op_type in _PASSIVE:
            if not pooled and node.op_type in ("Flatten", "Reshape"):
                return None, f"the head flattens the maps without averaging ({node})"
        elif not pooled and _is_global_average(graph, shapes, node, tensor, axes, others):
            pooled = True
        elif pooled and node.op_type in ("Gemm", "MatMul", "Conv") and weight is None:
            weight, bias = _linear(graph, node, tensor)
            if weight is None:
                return None, f"{node} is not a constant linear map"
        elif pooled and node.op_type == "Add" and weight is not None:
            shift = _other_constant(graph, node, tensor)
            if shift is None or shift.size != weight.shape[0]:
                return None, f"{node} does not add a constant per class"
            bias = shift.reshape(-1) + (0 if bias is None else bias)
        else:
            return None, f"the head holds {node}"
        tensor = node.output
    if not pooled:
        return None, "there is no global average pooling"
    if weight is None:  # the maps are the classes' own
        weight = np.eye(layer.channels)
    if weight.shape[1] != layer.channels:
        return None, f"the linear layer reads {weight.shape[1]} values, not {layer.channels} maps"
    return CamHead(weight, np.zeros(len(weight)) if bias is None else bias), ""


def constant_value(graph: Graph, tensor: str) -> NDArray[Any] | None:
    """Value of a constant tensor, de-quantised if need be; ``None`` if it is not a constant."""
    if graph.is_constant(tensor):
        return graph.constant(tensor).astype(np.float64)
    node = graph.producers.get(tensor)
    if node is None or node.op_type != "DequantizeLinear":
        return None
    if not all(graph.is_constant(i) for i in node.inputs if i):
        return None
    values, scale, *zero = (graph.constant(i).astype(np.float64) for i in node.inputs if i)
    if scale.ndim == 1 and values.ndim > 1:
        axis = node.attributes.get("axis", 1)
        shape = [1] * values.ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), [z.reshape(shape) for z in zero]
    return (values - (zero[0] if zero else 0.0)) * scale


def _chain(graph: Graph, start: str, end: str) -> tuple[list[Node], str]:
    """Nodes one after the other, and the tensor where several read on; `end` if none do."""
    chain: list[Node] = []
    needed = graph.ancestors(end) & graph.descendants([start])
    while start != end:
        readers = [n for n in graph.consumers.get(start, ()) if n.output in needed]
        if len(readers) != 1:
            break
        chain.append(readers[0])
        start = readers[0].output
    return chain, start


def _parting(written: Graph, chain: Sequence[str], logits: str) -> str:
    """Say in terms of the file why the last of these tensors is not read by one node alone."""
    tensor = next((name for name in reversed(chain) if name in written.consumers), chain[0])
    needed = written.ancestors(logits)
    readers = [n for n in written.consumers.get(tensor, ()) if not needed.isdisjoint(n.outputs)]
    if not readers:
        return "the scores are not computed from it"
    if len(readers) == 1:  # one operator, which is several nodes when written out
        return f"the head holds {readers[0]}"
    what = "the layer" if tensor == chain[0] else f"tensor {tensor!r}"
    return f"{what} is read by several nodes"


def _is_global_average(
    graph: Graph, shapes: Shapes, node: Node, tensor: str, axes: tuple[str, ...], others: int
) -> bool:
    if node.op_type == "GlobalAveragePool":
        return axes[1] == "C" and not others
    before, after = shapes.get(tensor), shapes.get(node.output)
    if before is None or after is None or len(before) != len(axes) or others:
        return False
    if node.op_type == "AveragePool":
        # One output place alone is not enough: the window may leave some of the map out.
        covers = tuple(node.attributes["kernel_shape"]) == before[2:] and np.prod(after[2:]) == 1
        return covers and axes[1] == "C" and not any(node.attributes.get("pads", ()))
    if node.op_type != "ReduceMean":
        return False
    reduced = node.attributes.get("axes")
    if reduced is None and len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
        reduced = graph.constant(node.inputs[1]).tolist()
    if reduced is None:
        return False
    averaged = {axes[a % len(before)] for a in reduced}
    return averaged in ({"H", "W"}, {"L"})


def _linear(
    graph: Graph, node: Node, tensor: str
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """(K, C) weight and (K,) bias of a constant linear map."""
    if node.inputs[0] != tensor:
        return None, None
    weight = constant_value(graph, node.inputs[1])
    has_bias = len(node.inputs) > 2 and node.inputs[2]
    bias = constant_value(graph, node.inputs[2]) if has_bias else None
    if weight is None or (has_bias and bias is None):
        return None, None
    if node.op_type == "Conv":
        if np.prod(weight.shape[2:]) != 1 or node.attributes.get("group", 1) != 1:
            return None, None
        return weight.reshape(weight.shape[:2]), bias
    if weight.ndim != 2:
        return None, None
    if node.op_type == "Gemm":
        if node.attributes.get("transA", 0):
            return None, None
        weight = weight if node.attributes.get("transB", 0) else weight.T
        weight = weight * node.attributes.get("alpha", 1.0)
        if bias is not None:
            bias = np.broadcast_to(bias.reshape(-1) * node.attributes.get("beta", 1.0), len(weight))
        return weight, bias
    return weight.T, bias


def _other_constant(graph: Graph, node: Node, tensor: str) -> NDArray[Any] | None:
    others = [i for i in node.inputs if i != tensor]
    return constant_value(graph, others[0]) if len(others) == 1 else None
