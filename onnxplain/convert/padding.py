"""Spatial padding of PyTorch tensors by ONNX's numbers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def torch_order(pads: Sequence[int]) -> list[int]:
    """Reorder ONNX padding for `torch.nn.functional.pad`: last axis first, in pairs."""
    rank = len(pads) // 2
    return [p for axis in reversed(range(rank)) for p in (pads[axis], pads[rank + axis])]


def pad_spatial(x: Tensor, pads: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad the trailing axes of `x` with a constant; negative numbers crop."""
    return functional.pad(x, torch_order(pads), value=value)
