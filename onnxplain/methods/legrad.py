"""LeGrad: how the scores of a transformer's blocks change with their attention weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.attention import SelfAttention, TokenGrid
from onnxplain.graph.edit import with_other_source
from onnxplain.graph.layers import dominators, spatial_layer
from onnxplain.methods.attention_rollout import attention_of, require_open_attention
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placement_warnings
from onnxplain.targets.target import Target


def _require_blocks(network: Network) -> None:
    require_open_attention(network)
    _block_ends(network, *attention_of(network))


@method(
    name="legrad",
    family="relevance",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="positive",
    shows="where more attention raises the target's score",
    summary="Where more attention would raise the score: its derivative by the attention weights, "
    "block by block.",
    reference="Bousselham, Boggust, Chaybouti, Strobelt, Kuehne 2024, arXiv:2404.03214, "
    "equations 5 to 8",
    meaning="score units per unit of attention weight, averaged; never negative",
    class_discriminative=True,
    promises="no value is negative; with one block it is the positive part of the score's own "
    "derivative",
    failures="says where attention would help, not how much is paid; with more blocks, scores come "
    "from a head that was not trained on them: on digits-vit the map is then no better than random",
    requires=_require_blocks,
)
def legrad(context: Context, x: NDArray[Any], target: Target, *, blocks: int = 1) -> Attribution:
    """Mean over blocks l, heads and queries of max(dS_l / dA_l, 0), by patches as keys.

    S_l is the score that the model's own head gives to the tokens after block l.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    blocks : int
        How many blocks, from the last one on; the authors' package reads two.

    Returns
    -------
    Attribution
        (N, h, w) on the grid of patches, not negative.

    Raises
    ------
    MethodRefusedError
        If the model has no attention of all tokens to each other, a fused operator hides its
        weights, or its blocks do not follow each other.
    UsageError
        If the model has not so many blocks.
    """
    network = context.network
    _require_blocks(network)
    layers, grid = attention_of(network)
    ends = _block_ends(network, layers, grid)
    if not 1 <= blocks <= len(layers):
        raise UsageError(f"legrad: blocks must be 1 to {len(layers)}, not {blocks}")
    total = np.zeros((len(x), *grid.size))
    for layer, end in zip(layers[-blocks:], ends[-blocks:], strict=True):
        after = _reading_after(context, end, ends[-1])
        for n in range(len(x)):  # some files join batch and heads on one axis
            found = after.gradients(x[n : n + 1], target, [layer.node.output])
            slopes = layer.weights(network.graph, found.gradients)
            by_key = np.maximum(slopes, 0.0).mean(axis=(0, 1))
            total[n] += by_key[grid.order].reshape(grid.size) / blocks
    return Attribution(
        total,
        ("H", "W"),
        layer=layers[-1].node.output,
        notes={"attention_layers": [layer.node.output for layer in layers[-blocks:]]},
        warnings=placement_warnings(network, grid.stream),
    )


def _reading_after(context: Context, end: str, last: str) -> Context:
    """The same network with its head on the tokens after a block."""
    if end == last:
        return context
    graph = with_other_source(context.network.graph, last, end)
    return replace(context, network=context.network.with_graph(graph))


def _block_ends(network: Network, layers: Sequence[SelfAttention], grid: TokenGrid) -> list[str]:
    """Tokens after each block: the last sum of two signals before the next attention."""
    graph, shapes, axes = network.graph, network.shapes, network.axes
    starts = [layer.node.index for layer in layers]
    found: dict[int, str] = {}
    for name in dominators(graph, network.image.name, network.head.logits):
        node = graph.producers.get(name)
        if node is None or node.op_type != "Add" or any(map(graph.is_constant, node.inputs)):
            continue
        spatial = spatial_layer(graph, shapes, axes, name)
        if spatial is not None and spatial.tokens(shapes[name]) == grid.tokens:
            block = int(np.searchsorted(starts, node.index)) - 1
            if block >= 0:
                found[block] = name
    missing = [k for k in range(len(layers)) if k not in found]
    if missing:
        raise MethodRefusedError(
            f"legrad reads the sum of each block's input and output, and there is none after "
            f"{layers[missing[0]].node}; use gradient-attention-rollout or attn-lrp"
        )
    return [found[k] for k in range(len(layers))]
