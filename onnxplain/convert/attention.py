"""Attention and rotary position embedding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.cast import torch_type
from onnxplain.convert.function import Function
from onnxplain.graph.view import Node


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Reshape ``(N, L, H * D)`` to ``(N, H, L, D)``."""
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Reshape ``(N, H, L, D)`` to ``(N, L, H * D)``."""
    return x.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Scaled dot-product attention, opset 23 to 25.

    Parameters
    ----------
    node : Node
        An Attention node; all attributes are read.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        get = node.attributes.get
        self.causal = bool(get("is_causal", 0))
        self.window: tuple[int, int] = get("left_window_size", -1), get("right_window_size", -1)
        self.heads: int = get("q_num_heads", 0)
        self.kv_heads: int = get("kv_num_heads", 0)
        self.scale: float | None = get("scale")
        self.softcap: float = get("softcap", 0.0)
        self.score_mode: int = get("qk_matmul_output_mode", 0)
        code = get("softmax_precision")
        like = None if code is None else torch.zeros((), dtype=torch_type(node, code))
        self.softmax_like: Tensor | None
        self.register_buffer("softmax_like", like)
        self.outputs = len(node.outputs)

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        past_k: Tensor | None = None,
        past_v: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        """Attend.

        Parameters
        ----------
        q, k, v : (N, heads, L, D) or (N, L, heads * D) Tensor
        mask : Tensor, optional
            True where attention is allowed, or a number that is added to the score.
        past_k, past_v : (N, heads, P, D) Tensor, optional
            Put in front of `k` and `v`.
        lengths : (N,) Tensor, optional
            Number of keys that are not padding.

        Returns
        -------
        Tensor or tuple of Tensor
            Result, then keys, values and scores if the node asks for them.
        """
        joined = q.dim() == 3
        if joined:
            q = split_heads(q, self.heads)
            k, v = split_heads(k, self.kv_heads), split_heads(v, self.kv_heads)
        offset: Tensor | int = 0
        if past_k is not None and past_v is not None:
            offset = past_k.shape[2]
            k, v = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
        elif lengths is not None:
            offset = (lengths - q.shape[2]).reshape(-1, 1, 1, 1)
        bias = self._bias(q, k.shape[2], mask, lengths, offset)
        y, scores = self._attend(q, k, v, bias)
        y = merge_heads(y) if joined else y
        return y if self.outputs == 1 else (y, k, v, scores)

    def _bias(
        self,
        q: Tensor,
        keys: int,
        mask: Tensor | None,
        lengths: Tensor | None,
        offset: Tensor | int,
    ) -> Tensor:
        """Add up what forbids a key: -inf, or the number in the mask."""
        query = torch.arange(q.shape[2], device=q.device).unsqueeze(-1) + offset
        key = torch.arange(keys, device=q.device)
        allowed = torch.ones_like(key <= query)
        before, after = self.window
        if self.causal:
            allowed = allowed & (key <= query)
        if before >= 0:
            allowed = allowed & (query - key <= before)
        if after >= 0:
            allowed = allowed & (key - query <= after)
        if lengths is not None:
            allowed = allowed & (key < lengths.reshape(-1, 1, 1, 1))
        bias = q.new_zeros(()).masked_fill(~allowed, -math.inf)
        if mask is None:
            return bias
        if mask.dtype == torch.bool:
            mask = q.new_zeros(()).masked_fill(~mask, -math.inf)
        short = keys - mask.shape[-1]
        if short > 0:
            mask = nn.functional.pad(mask, (0, short), value=-math.inf)
        return bias + mask

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        repeat = q.shape[1] // k.shape[1]
        if repeat > 1:
            k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        factor = math.sqrt(1 / math.sqrt(q.shape[-1]) if self.scale is None else self.scale)
        raw = (q * factor) @ (k * factor).mT
        capped = raw if not self.softcap else self.softcap * torch.tanh(raw / self.softcap)
        # A query that may attend to nothing gets zeros; softmax of -inf alone would be NaN.
        dead = (bias == -math.inf).all(-1, keepdim=True)
        biased = capped + torch.where(dead, 0, bias)
        logits = biased if self.softmax_like is None else biased.to(self.softmax_like.dtype)
        weights = torch.where(dead, 0, torch.softmax(logits, -1)).to(q.dtype)
        shown = (raw, capped, torch.where(dead, -math.inf, biased), weights)[self.score_mode]
        return weights @ v, shown


def attention(node: Node) -> nn.Module:
    """Attention, opset 23 to 25."""
    return Attention(node)


def rotary_embedding(node: Node) -> nn.Module:
    """RotaryEmbedding: rotate pairs of features by an angle for each position."""
    heads = node.attributes.get("num_heads", 0)
    rotated = node.attributes.get("rotary_embedding_dim", 0)
    interleaved = bool(node.attributes.get("interleaved", 0))

    def rotate(x: Tensor, cos: Tensor, sin: Tensor, positions: Tensor | None = None) -> Tensor:
        joined = x.dim() == 3
        y = split_heads(x, heads) if joined else x
        if positions is not None:
            cos, sin = cos[positions], sin[positions]
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
        width = rotated or y.shape[-1]
        turning, rest = y[..., :width], y[..., width:]
        pairs = (width // 2, 2) if interleaved else (2, width // 2)
        a, b = turning.unflatten(-1, pairs).unbind(-1 if interleaved else -2)
        turned = torch.stack(
            (cos * a - sin * b, sin * a + cos * b), -1 if interleaved else -2
        ).flatten(-2)
        y = torch.cat([turned, rest], -1)
        return merge_heads(y) if joined else y

    return Function(rotate)
