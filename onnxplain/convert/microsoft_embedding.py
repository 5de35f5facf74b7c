"""Token embeddings and rotary positions as ONNX Runtime fuses them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.attention import merge_heads, split_heads
from onnxplain.convert.function import Function
from onnxplain.convert.quantised import dequantise
from onnxplain.graph.view import Node


def _embed(
    node: Node,
    tokens: Tensor,
    segments: Tensor | None,
    tables: tuple[Tensor, Tensor, Tensor | None],
    affine: tuple[Tensor, Tensor],
    mask: Tensor | None,
    positions: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum of embeddings, normalised; numbers of tokens that are not padding; the sum."""
    words, places, kinds = tables
    if positions is None:
        positions = torch.arange(tokens.shape[1], device=tokens.device).unsqueeze(0)
    total = words[tokens.long()] + places[positions.long()]
    if kinds is not None and segments is not None:
        total = total + kinds[segments.long()]
    epsilon = node.attributes.get("epsilon", 1e-12)
    y = functional.layer_norm(total, total.shape[-1:], *affine, epsilon)
    counts = torch.zeros(tokens.shape[0], dtype=torch.int32, device=tokens.device)
    if mask is not None:
        counts = (mask == 1).sum(-1).to(torch.int32)
    return y, counts, total


def embed_layer_normalization(node: Node) -> nn.Module:
    """EmbedLayerNormalization: word, position and segment embeddings, normalised."""
    outputs = len(node.outputs)

    def apply(
        tokens: Tensor,
        segments: Tensor | None,
        words: Tensor,
        places: Tensor,
        kinds: Tensor | None,
        gamma: Tensor,
        beta: Tensor,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        tables = words, places, kinds
        results = _embed(node, tokens, segments, tables, (gamma, beta), mask, positions)
        return results if outputs > 1 else results[0]

    return Function(apply)


def quantised_embed_layer_normalization(node: Node) -> nn.Module:
    """QEmbedLayerNormalization: the same with quantised tables."""
    outputs = len(node.outputs)

    def apply(
        tokens: Tensor, segments: Tensor | None, *rest: Tensor | None
    ) -> Tensor | tuple[Tensor, ...]:
        stored, mask, scales, zeros = rest[:5], rest[5], rest[6:11], rest[11:16]

        def table(k: int) -> Tensor:
            q, scale = stored[k], scales[k]
            assert q is not None  # required by the operator's schema
            assert scale is not None
            return dequantise(q, scale, zeros[k])

        tables = table(0), table(1), None if stored[2] is None else table(2)
        results = _embed(node, tokens, segments, tables, (table(3), table(4)), mask, None)
        return results if outputs > 1 else results[0]

    return Function(apply)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, *, interleaved: bool) -> Tensor:
    """Rotate pairs of the first features of (N, heads, L, D) by angles (N or 1, L, half)."""
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    half = cos.shape[-1]
    turning, rest = x[..., : 2 * half], x[..., 2 * half :]
    pairs, axis = ((half, 2), -1) if interleaved else ((2, half), -2)
    a, b = turning.unflatten(-1, pairs).unbind(axis)
    turned = torch.stack((cos * a - sin * b, sin * a + cos * b), axis).flatten(-2)
    return torch.cat((turned, rest), -1)


def rotary_embedding(node: Node) -> nn.Module:
    """RotaryEmbedding: angles come from tables; one position counts from there on."""
    heads = node.attributes.get("num_heads", 0)
    interleaved = bool(node.attributes.get("interleaved", 0))

    def apply(x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        joined = x.dim() == 3
        if joined:
            x = split_heads(x, heads or x.shape[-1] // (2 * cos.shape[-1]))
        if positions.numel() == 1:
            steps = torch.arange(x.shape[2], device=x.device)
            positions = (positions.reshape(()) + steps).unsqueeze(0)
        y = rotate(x, cos[positions], sin[positions], interleaved=interleaved)
        return merge_heads(y) if joined else y

    return Function(apply)
