"""Self-attention over all tokens of the picture, composed of operators or fused into one.

A fused operator hides its weights; they are computed again from what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.axes import PREFIXES, Axes
from onnxplain.graph.head import Head
from onnxplain.graph.layers import SpatialLayer, spatial_layer
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph, Node
from onnxplain.targets.shares import softmax

_SOFTMAXES = frozenset({"Softmax", "QLinearSoftmax"})
# Inputs and attributes that change the weights in a way that is not computed here.
_FURTHER_INPUTS = {
    ("", "Attention"): 3,
    ("com.microsoft", "Attention"): 3,
    ("com.microsoft", "MultiHeadAttention"): 4,
}
_FURTHER_ATTRIBUTES = ("is_causal", "softcap", "unidirectional", "do_rotary")
_ADVICE = "use grad-cam, attn-lrp or occlusion"


@dataclass(frozen=True)
class SelfAttention:
    """One attention layer whose weights can be read.

    Attributes
    ----------
    node : Node
        The Softmax, or the fused operator.
    tensors : tuple of str
        Tensors from whose values the weights follow.
    fused : bool
        Whether the weights are no tensor of the graph.
    """

    node: Node
    tensors: tuple[str, ...]
    fused: bool

    def weights(self, graph: Graph, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Attention weights of one input.

        Parameters
        ----------
        graph : Graph
            The prepared graph.
        values : mapping of str to array
            `tensors`, for a batch whose first input is meant.

        Returns
        -------
        (heads, L, L) float64 array
            Rows are the tokens that read, columns those that are read.
        """
        read = [np.asarray(values[name], np.float64) for name in self.tensors]
        if not self.fused:
            return _dequantised(graph, self.node, read[0])
        query, key = _query_and_key(graph, self.node, read)
        scale = self.node.attributes.get("scale", 0.0) or query.shape[-1] ** -0.5
        return softmax(query @ key.swapaxes(-2, -1) * scale, axis=-1)


@dataclass(frozen=True)
class TokenGrid:
    """Where the picture's tokens stand in a sequence.

    Attributes
    ----------
    size : (int, int)
        Height and width of the grid.
    prefix : int
        Tokens in front of it (class token, registers).
    tokens : int
        All of them.
    order : int array
        Where the picture's tokens stand in the sequence, row by row.
    stream : str
        Tensor at which that was measured; empty if at none.
    """

    size: tuple[int, int]
    prefix: int
    tokens: int
    order: NDArray[np.int64]
    stream: str = ""


def find_attention(
    graph: Graph, shapes: Shapes, image: str, head: Head, axes: Axes
) -> tuple[list[SelfAttention], TokenGrid]:
    """Find all attention layers between the picture and the logits.

    Parameters
    ----------
    graph, shapes
        The prepared graph with its concrete shapes.
    image : str
        Name of the explained input.
    head : Head
        The classification output.
    axes : Axes
        What the axes of every tensor mean.

    Returns
    -------
    list of SelfAttention
        In order.
    TokenGrid
        The same for all of them.

    Raises
    ------
    MethodRefusedError
        If there is none, or one of them is not over all tokens or cannot be read.
    """
    alive = graph.ancestors(head.logits) & graph.descendants([image])
    nodes = [n for n in graph.nodes if n.output in alive]
    found = [n for n in nodes if n.op_type in _SOFTMAXES or "Attention" in n.op_type]
    if not found:
        raise MethodRefusedError(
            "attention rollout needs attention between the picture and the scores, and this "
            "model has none; use grad-cam, lrp or occlusion"
        )
    batch = shapes[image][0]
    layers = [_layer(graph, node) for node in found]
    lengths = {_tokens(shapes, layer, batch) for layer in layers}
    tokens = lengths.pop()
    if lengths:
        listed = ", ".join(map(str, sorted({tokens, *lengths})))
        raise MethodRefusedError(
            f"attention rollout needs the same tokens in all layers, and this model has {listed}; "
            f"{_ADVICE}"
        )
    known = axes.grid_of.get(layers[-1].node.output)
    if known is not None and not layers[-1].fused:
        order = np.arange(tokens)[known.prefix :] if known.order is None else known.order
        if math.prod(known.grid) == len(order):
            return layers, TokenGrid(known.grid, known.prefix, tokens, order)
    for height, width in reversed(axes.grids):
        prefix = tokens - height * width
        if prefix in PREFIXES:
            order = np.arange(prefix, tokens)
            return layers, TokenGrid((height, width), prefix, tokens, order)
    raise MethodRefusedError(
        f"the {tokens} tokens of {found[0]} match no grid of the picture; {_ADVICE}"
    )


def token_stream(
    graph: Graph, shapes: Shapes, axes: Axes, layers: Sequence[SelfAttention], grid: TokenGrid
) -> SpatialLayer | None:
    """Return the tensor from which the last attention layer gets its tokens, if it is known."""
    for name in reversed(list(graph.tensor_names())):
        node = graph.producers.get(name)
        if (
            node is None
            or node.index >= layers[-1].node.index
            or "L" not in axes.tags.get(name, ())
        ):
            continue
        found = spatial_layer(graph, shapes, axes, name)
        if found is not None and found.tokens(shapes[name]) == grid.tokens:
            return found
    return None


def _layer(graph: Graph, node: Node) -> SelfAttention:
    if node.op_type in _SOFTMAXES:
        return SelfAttention(node, (node.output,), fused=False)
    get = node.attributes.get
    first_extra = _FURTHER_INPUTS.get((node.domain, node.op_type))
    plain = first_extra is not None and not any(node.inputs[first_extra:])
    plain &= not any(get(a) for a in _FURTHER_ATTRIBUTES)
    plain &= get("q_num_heads") == get("kv_num_heads") and not get("qkv_hidden_sizes")
    operands = node.inputs[:1] if _packs(node) else node.inputs[:2]
    constants = [*node.inputs[1:3]] if _packs(node) else [*node.inputs[3:4]]
    plain &= all(operands) and all(graph.is_constant(n) for n in constants if n)
    if not plain:
        raise MethodRefusedError(
            f"{node} hides its attention weights, and they cannot be computed again (mask, cache, "
            "causal order or an unknown operator); export the model without fused attention, or "
            f"{_ADVICE}"
        )
    return SelfAttention(node, tuple(operands), fused=True)


def _packs(node: Node) -> bool:
    """Whether one matrix makes query, key and value inside of the operator."""
    return node.op_type == "Attention" and bool(node.domain)


def _tokens(shapes: Shapes, layer: SelfAttention, batch: int) -> int:
    """Number of tokens that all read each other."""
    node, shape = layer.node, shapes.get(layer.tensors[0], ())
    if layer.fused:
        # (N, heads, L, D), or heads joined: (N, L, heads * D)
        lengths = {shapes.get(t, (0, 0, 0))[-2] for t in layer.tensors}
        whole = len(shape) in (3, 4) and shape[0] == batch and len(lengths) == 1
    else:
        axis = node.attributes.get("axis", -1)
        whole = len(shape) in (3, 4) and axis in (-1, len(shape) - 1) and shape[-1] == shape[-2]
        # Three axes: heads of one input follow each other on the first one.
        whole = whole and (shape[0] == batch if len(shape) == 4 else shape[0] % batch == 0)
    if not whole:
        raise MethodRefusedError(
            f"{node} of shape {list(shape)} is not attention of all tokens to each other (windows, "
            f"or fewer tokens on one side), which attention rollout needs; {_ADVICE}"
        )
    return shape[-2]


def _dequantised(graph: Graph, node: Node, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if node.op_type == "QLinearSoftmax":
        scale, zero = (graph.constant(n).astype(np.float64) for n in node.inputs[3:5])
        values = (values - zero) * scale
    return values[0] if values.ndim == 4 else values


def _query_and_key(
    graph: Graph, node: Node, read: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Query and key of the first input, each (heads, L, D)."""
    heads = node.attributes.get("num_heads") or node.attributes.get("q_num_heads")
    if _packs(node):
        weight, *bias = (graph.constant(n).astype(np.float64) for n in node.inputs[1:3] if n)
        projected = read[0] @ weight
        for shift in bias:
            projected = projected + shift
        query, key, _ = np.split(projected, 3, axis=-1)
    else:
        query, key = read
        if node.domain and any(node.inputs[3:4]):
            width = query.shape[-1]
            shift = graph.constant(node.inputs[3]).astype(np.float64)
            query, key = query + shift[:width], key + shift[width : width + key.shape[-1]]
    return _by_head(query[0], heads), _by_head(key[0], heads)


def _by_head(values: NDArray[np.float64], heads: int | None) -> NDArray[np.float64]:
    if values.ndim == 3:
        return values
    assert heads is not None
    return values.reshape(len(values), heads, -1).swapaxes(0, 1)
