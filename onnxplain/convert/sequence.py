"""Layers of sequence models that carry a state from call to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function
from onnxplain.graph.view import Node


def causal_conv_with_state(node: Node) -> nn.Module:
    """CausalConvWithState: each channel over its past; returns also the new state."""
    activated = node.attributes.get("activation", "none") in ("silu", "swish")

    def apply(
        x: Tensor, w: Tensor, b: Tensor | None = None, past: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        kept = w.shape[-1] - 1
        if past is None:
            past = x.new_zeros(*x.shape[:2], kept)
        joined = torch.cat((past, x), -1)
        y = functional.conv1d(joined, w, b, groups=x.shape[1])
        present = joined.narrow(-1, joined.shape[-1] - kept, kept)
        return functional.silu(y) if activated else y, present

    return Function(apply)


def _heads(x: Tensor, heads: int) -> Tensor:
    """Reshape ``(N, L, H * D)`` to ``(N, H, L, D)``."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def linear_attention(node: Node) -> nn.Module:
    """LinearAttention: a matrix of memory, updated token by token; returns it as well."""
    get: Callable[..., Any] = node.attributes.get
    rule, heads, shared = get("update_rule", "gated_delta"), get("q_num_heads"), get("kv_num_heads")

    def apply(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        past: Tensor | None = None,
        decay: Tensor | None = None,
        beta: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        q, k, v = _heads(q, heads), _heads(k, shared), _heads(v, shared)
        scale = get("scale", 0.0) or q.shape[-1] ** -0.5
        state = v.new_zeros(*k.shape[:2], k.shape[-1], v.shape[-1]) if past is None else past
        results = []
        for t in range(k.shape[2]):
            key, value = k[:, :, t, :, None], v[:, :, t, None, :]
            if decay is not None and "gated" in rule:
                state = state * _heads(decay, shared)[:, :, t, :, None].exp()
            if beta is not None and "delta" in rule:
                rate = beta[:, t, :, None, None]
                value = rate * (value - (key * state).sum(-2, keepdim=True))
            state = state + key * value
            seen = state.repeat_interleave(heads // shared, 1)
            results.append(scale * q[:, :, t, None, :] @ seen)
        return torch.cat(results, 2).transpose(1, 2).flatten(2), state

    return Function(apply)


def tensor_scatter(node: Node) -> nn.Module:
    """TensorScatter: write an update into a cache, from a position of each sample on."""
    axis = node.attributes.get("axis", -2)
    circular = node.attributes.get("mode", "linear") == "circular"

    def apply(cache: Tensor, update: Tensor, starts: Tensor | None = None) -> Tensor:
        dim = axis % cache.dim()
        index = torch.arange(update.shape[dim], device=cache.device)
        index = index + (0 if starts is None else starts.unsqueeze(-1))
        index = index % cache.shape[dim] if circular else index
        shape = [1] * cache.dim()
        shape[0], shape[dim] = (1 if starts is None else starts.shape[0]), update.shape[dim]
        return cache.scatter(dim, index.reshape(shape).expand_as(update), update)

    return Function(apply)
