"""Attention rollout: how much of each token arrives where the class is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.spread import NOTE
from onnxplain.graph.attention import SelfAttention, TokenGrid, find_attention, token_stream
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.map_spread import map_spread
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placed, placement_warnings
from onnxplain.targets.target import Target

_HEADS: Mapping[str, Callable[..., NDArray[Any]]] = {"mean": np.mean, "max": np.max, "min": np.min}
_ROWS = ("auto", "class", "mean")
# Four tokens in front are registers without a class token; none is the picture alone.
_WITHOUT_CLASS_TOKEN = (0, 4)


def attention_of(network: Network) -> tuple[list[SelfAttention], TokenGrid]:
    """Return all attention layers, and where the picture's tokens stand among theirs."""
    graph, shapes, axes = network.graph, network.shapes, network.axes
    layers, grid = find_attention(graph, shapes, network.image.name, network.head, axes)
    stream = token_stream(graph, shapes, axes, layers, grid)
    if stream is None:
        return layers, grid
    order = placed(network, stream).order
    return layers, replace(grid, stream=stream.name, order=grid.order if order is None else order)


def _require_attention(network: Network) -> None:
    attention_of(network)


def require_open_attention(network: Network) -> None:
    """Refuse networks whose attention weights are no tensors."""
    for layer in attention_of(network)[0]:
        if layer.fused or layer.node.op_type != "Softmax":
            raise MethodRefusedError(
                f"{layer.node} hides its attention weights, so they have no gradient; export the "
                "model without fused attention, or use attention-rollout, attn-lrp or grad-cam"
            )


@method(
    name="attention-rollout",
    family="relevance",
    needs=Capability.FORWARD | Capability.ACTIVATIONS,
    explains="logit",
    display="magnitude",
    shows="how much attention arrives from each patch, whichever class it serves",
    ends=("none", "much attention"),
    summary="Product of the attention of all layers: how much of each patch reaches the class "
    "token.",
    reference="Abnar, Zuidema 2020, arXiv:2005.00928",
    meaning="share of the class token that comes from each patch; the rest is the class token's "
    "own",
    class_discriminative=False,
    promises="no value is negative, and their sum is at most one",
    failures="the same for every class; ignores values, linear layers and differences between "
    "heads, so attention to a patch is not evidence for a class",
    requires=_require_attention,
)
def attention_rollout(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    heads: str = "mean",
    discard_ratio: float = 0.0,
    rows: str = "auto",
) -> Attribution:
    """Product over layers of A' = (A + I) / 2 with normalised rows, from the last to the first.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape. The target changes nothing.
    heads : {"mean", "max", "min"}
        How the heads of a layer are combined into one A.
    discard_ratio : float
        Share of the entries of each A, the smallest ones, that are set to zero.
    rows : {"auto", "class", "mean"}
        Which tokens the class is read from: the first one, or the mean over the picture's;
        decided by the number of tokens in front of the picture's if ``auto``.

    Returns
    -------
    Attribution
        (N, h, w) on the grid of patches.

    Raises
    ------
    MethodRefusedError
        If the model has no attention of all tokens to each other.
    UsageError
        If a parameter is not one of those allowed.
    """
    if heads not in _HEADS:
        raise UsageError(f"heads {heads!r} is not known; allowed: {', '.join(_HEADS)}")
    if not 0.0 <= discard_ratio < 1.0:
        raise UsageError(f"discard_ratio must be 0 or more and below 1, not {discard_ratio}")
    layers, grid = attention_of(context.network)
    engine = context.engine(Capability.FORWARD | Capability.ACTIVATIONS)
    names = [name for layer in layers for name in layer.tensors]

    def steps(single: NDArray[Any]) -> list[NDArray[np.float64]]:
        values = engine.activations(single, names)
        weights = (layer.weights(context.network.graph, values) for layer in layers)
        return [_step(_HEADS[heads](w, axis=0), discard_ratio) for w in weights]

    return _rolled_out(context, x, grid, rows, steps, layers)


@method(
    name="gradient-attention-rollout",
    family="relevance",
    needs=Capability.GRADIENTS,
    explains="logit",
    display="positive",
    shows="only attention that raises the target's score",
    summary="Attention rollout restricted to attention that raises the score.",
    reference="Chefer, Gur, Wolf 2021, arXiv:2103.15679",
    meaning="weight of each patch where the class is read; the size has no unit",
    class_discriminative=True,
    promises="no value is negative",
    failures="ignores values and linear layers; keeps only evidence for the class",
    requires=require_open_attention,
)
def gradient_attention_rollout(
    context: Context, x: NDArray[Any], target: Target, *, rows: str = "auto"
) -> Attribution:
    """Product over layers of A' = I + mean over heads of max(dS/dA * A, 0).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    rows : {"auto", "class", "mean"}
        See `attention_rollout`.

    Returns
    -------
    Attribution
        (N, h, w) on the grid of patches.

    Raises
    ------
    MethodRefusedError
        If the model has no attention of all tokens to each other, or a fused operator hides
        its weights.
    UsageError
        If a parameter is not one of those allowed.
    """
    require_open_attention(context.network)
    layers, grid = attention_of(context.network)
    names = [layer.node.output for layer in layers]

    def steps(single: NDArray[Any]) -> list[NDArray[np.float64]]:
        found = context.gradients(single, target, names)
        found_steps = []
        for layer in layers:
            weights, slopes = (
                layer.weights(context.network.graph, part)
                for part in (found.values, found.gradients)
            )
            raising = np.maximum(slopes * weights, 0.0).mean(axis=0)
            found_steps.append(np.eye(len(raising)) + raising)
        return found_steps

    return _rolled_out(context, x, grid, rows, steps, layers)


def _step(fused: NDArray[np.float64], discard_ratio: float) -> NDArray[np.float64]:
    """A' = (A + I) / 2 with rows that sum to one, once the smallest entries are dropped."""
    kept = fused.flatten()
    kept[np.argsort(kept, kind="stable")[: int(discard_ratio * kept.size)]] = 0.0
    mixed = (kept.reshape(fused.shape) + np.eye(len(fused))) / 2
    return mixed / mixed.sum(axis=-1, keepdims=True)


def _rolled_out(
    context: Context,
    x: NDArray[Any],
    grid: TokenGrid,
    rows: str,
    steps: Callable[[NDArray[Any]], Sequence[NDArray[np.float64]]],
    layers: Sequence[SelfAttention],
) -> Attribution:
    if rows not in _ROWS:
        raise UsageError(f"rows {rows!r} is not known; allowed: {', '.join(_ROWS)}")
    if rows == "class" and not grid.prefix:
        raise UsageError("rows=class needs a class token, and the model has none; use rows=mean")
    if rows == "auto":
        rows = "mean" if grid.prefix in _WITHOUT_CLASS_TOKEN else "class"
    maps = []
    # One input at a time: some files join batch and heads on one axis.
    for single in np.split(x, len(x)):
        joint = np.eye(grid.tokens)
        for step in steps(single):
            joint = step @ joint
        read = joint[0] if rows == "class" else joint[grid.order].mean(axis=0)
        maps.append(read[grid.order].reshape(grid.size))
    spread = map_spread(context.network, grid.stream)
    return Attribution(
        np.stack(maps),
        ("H", "W"),
        layer=layers[-1].node.output,
        parameters={"rows": rows},
        notes={
            "attention_layers": [layer.node.output for layer in layers],
            **({NOTE: spread.to_dict()} if spread is not None else {}),
        },
        warnings=placement_warnings(context.network, grid.stream),
    )
