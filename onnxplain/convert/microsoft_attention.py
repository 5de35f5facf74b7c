"""Attention in the forms that ONNX Runtime's optimisers write, with masks and caches.

Meanings are those of the operator documentation (ContribOperators.md) and were compared with
ONNX Runtime's kernels, form by form, in tests/convert/test_microsoft_attention.py.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.attention import merge_heads, split_heads
from onnxplain.convert.function import Function, unsupported
from onnxplain.convert.quantised import centre
from onnxplain.graph.view import Node


def _padding_bias(mask: Tensor, like: Tensor, keys: int, fill: float) -> Tensor:
    """Turn any of the mask layouts into what is added to the scores, (N, 1, queries, keys).

    Parameters
    ----------
    mask : Tensor
        (N,) lengths; (2 * N,) ends, then starts; (N, keys) or (N, queries, keys), nonzero
        where attention is allowed.
    like : (N, heads, queries, D) Tensor
        Gives batch size, element type and device.
    """
    key = torch.arange(keys, device=mask.device)
    if mask.dim() == 1:
        batch = like.shape[0]
        if mask.shape[0] not in (batch, 2 * batch):
            raise ValueError(f"mask of {mask.shape[0]} numbers for {batch} sequences")
        allowed = key < mask[:batch, None]
        if mask.shape[0] == 2 * batch:
            allowed = allowed & (key >= mask[batch:, None])
        allowed = allowed[:, None, None]
    else:
        allowed = mask[:, None, None] > 0 if mask.dim() == 2 else mask[:, None] > 0
    return like.new_zeros(()).masked_fill(~allowed, fill)


def _causal_bias(like: Tensor, queries: int, keys: int, past: int) -> Tensor:
    """Forbid what comes later; the first query is at the first key that is not past."""
    if keys != queries + past:
        # ONNX Runtime lets the last query see everything then, which has no meaning.
        raise ValueError("causal attention to another sequence is not supported")
    allowed = torch.ones(queries, keys, dtype=torch.bool, device=like.device).tril(past)
    return like.new_zeros(()).masked_fill(~allowed, torch.finfo(like.dtype).min)


class FusedAttention:
    """What Attention, QAttention and MultiHeadAttention have in common.

    Parameters
    ----------
    node : Node
        Reads ``num_heads``, ``scale``, ``mask_filter_value`` and ``unidirectional``.
    """

    def __init__(self, node: Node) -> None:
        get = node.attributes.get
        self.heads: int = node.attributes["num_heads"]
        self.scale: float = get("scale", 0.0)
        self.fill: float = get("mask_filter_value", -10000.0)
        self.causal = bool(get("unidirectional", 0))

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        bias: Tensor | None,
        past: Tensor | None,
    ) -> Tensor:
        """Attend; operands are (N, heads, L, D), the result (N, queries, heads * D)."""
        queries, keys = q.shape[2], k.shape[2]
        scores = q @ k.mT * (self.scale or 1 / math.sqrt(q.shape[-1]))
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores + _padding_bias(mask, q, keys, self.fill)
        if self.causal:
            before = 0 if past is None else past.shape[2]
            scores = scores + _causal_bias(q, queries, keys, before)
        return merge_heads(torch.softmax(scores, -1) @ v)


def multi_head_attention(node: Node) -> nn.Module:
    """MultiHeadAttention with separate query, key and value."""
    if (
        any(node.inputs[8:])
        or any(node.outputs[3:])
        or len(list(filter(None, node.inputs[:3]))) < 3
    ):
        raise unsupported(node, "form with packed operands, shared buffers or scores as output")
    core, outputs = FusedAttention(node), len(node.outputs)

    def apply(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        bias: Tensor | None = None,
        mask: Tensor | None = None,
        added: Tensor | None = None,
        past_k: Tensor | None = None,
        past_v: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        parts: list[Tensor | None] = [None] * 3
        if bias is not None:
            width = q.shape[-1]
            parts = list(bias.split([width, width, bias.shape[0] - 2 * width]))
        q, k, v = (
            # Keys and values of another sequence may come with their heads apart.
            (t if part is None else t + part) if t.dim() == 3 else t
            for t, part in zip((q, k, v), parts, strict=True)
        )
        q, k, v = (t if t.dim() == 4 else split_heads(t, core.heads) for t in (q, k, v))
        if past_k is not None and past_v is not None:
            k, v = torch.cat((past_k, k), 2), torch.cat((past_v, v), 2)
        y = core(q, k, v, mask, added, past_k)
        return y if outputs == 1 else (y, k, v)

    return Function(apply)


def _projected(
    core: FusedAttention,
    projected: Tensor,
    widths: list[int] | None,
    mask: Tensor | None,
    past: Tensor | None,
    added: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    parts = projected.split(widths or projected.shape[-1] // 3, -1)
    q, k, v = (split_heads(t, core.heads) for t in parts)
    if past is not None:
        k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
    present = torch.stack((k, v)) if k.shape == v.shape else None
    return core(q, k, v, mask, added, None if past is None else past[0]), present


def attention(node: Node) -> nn.Module:
    """Attention: one matrix projects to query, key and value."""
    if any(node.inputs[6:]) or node.attributes.get("do_rotary"):
        raise unsupported(node, "form with shared buffers or rotary positions")
    core, outputs = FusedAttention(node), len(node.outputs)
    widths = node.attributes.get("qkv_hidden_sizes")

    def apply(
        x: Tensor,
        w: Tensor,
        b: Tensor | None = None,
        mask: Tensor | None = None,
        past: Tensor | None = None,
        added: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor | None]:
        projected = x @ w if b is None else x @ w + b
        y, present = _projected(core, projected, widths, mask, past, added)
        return y if outputs == 1 else (y, present)

    return Function(apply)


def quantised_attention(node: Node) -> nn.Module:
    """QAttention: Attention whose projection multiplies quantised matrices."""
    core, outputs = FusedAttention(node), len(node.outputs)

    def apply(
        x: Tensor,
        w: Tensor,
        b: Tensor,
        x_scale: Tensor,
        w_scale: Tensor,
        mask: Tensor | None = None,
        x_zero: Tensor | None = None,
        w_zero: Tensor | None = None,
        past: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor | None]:
        dtype = x_scale.dtype
        sums = centre(x, x_zero, dtype) @ centre(w, w_zero, dtype)
        y, present = _projected(core, sums * (x_scale * w_scale) + b, None, mask, past, None)
        return y if outputs == 1 else (y, present)

    return Function(apply)
