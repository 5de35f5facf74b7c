"""Grouped attention of language models, for one whole prompt."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.attention import merge_heads, split_heads
from onnxplain.convert.function import Function, unsupported
from onnxplain.convert.microsoft_embedding import rotate
from onnxplain.graph.view import Node


def _allowed(lengths: Tensor, size: int, window: int) -> Tensor:
    """Which keys each query may see, (N, 1, size, size): not later ones, nor padding."""
    key = torch.arange(size, device=lengths.device)
    # What is after the end of a sequence looks back from its last token.
    query = torch.minimum(key.unsqueeze(-1), lengths.reshape(-1, 1, 1, 1) - 1)
    allowed = key <= query
    return allowed & (query - key < window) if window > 0 else allowed


def group_query_attention(node: Node) -> nn.Module:
    """GroupQueryAttention: several query heads share a key; causal, rotary positions inside."""
    get = node.attributes.get
    if any(node.inputs[11:]) or any(node.outputs[3:]) or get("smooth_softmax"):
        raise unsupported(node, "form with sinks, smooth softmax or scores as output")
    heads, shared = node.attributes["num_heads"], node.attributes["kv_num_heads"]
    window = get("local_window_size", -1)
    rotary, interleaved = get("do_rotary", 0), bool(get("rotary_interleaved", 0))
    softcap, outputs = get("softcap", 0.0), len(node.outputs)

    def apply(
        q: Tensor,
        k: Tensor | None,
        v: Tensor | None,
        past_k: Tensor | None,
        past_v: Tensor | None,
        last: Tensor,
        total: Tensor,
        cos: Tensor | None = None,
        sin: Tensor | None = None,
        positions: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        if past_k is not None and past_k.shape[2] and int(total) > q.shape[1]:
            raise ValueError("attention that continues a cache is not supported")
        if k is None or v is None:
            width = q.shape[-1] // (heads + 2 * shared)
            q, k, v = q.split([heads * width, shared * width, shared * width], -1)
        q, k, v = split_heads(q, heads), split_heads(k, shared), split_heads(v, shared)
        if rotary and cos is not None and sin is not None:
            if positions is None:
                positions = torch.arange(q.shape[2], device=q.device).unsqueeze(0)
            angles = cos[positions], sin[positions]
            q = rotate(q, *angles, interleaved=interleaved)
            k = rotate(k, *angles, interleaved=interleaved)
        present = k, v
        k, v = (t.repeat_interleave(heads // shared, 1) for t in present)
        scores = q @ k.mT * (get("scale", 0.0) or 1 / math.sqrt(q.shape[-1]))
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        scores = scores if bias is None else scores + bias
        allowed = _allowed(last.reshape(-1) + 1, q.shape[2], window)
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        y = merge_heads(torch.softmax(scores, -1) @ v)
        return y if outputs == 1 else (y, *present)

    return Function(apply)
