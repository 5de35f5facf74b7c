"""Pooling over spatial windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function
from onnxplain.convert.padding import pad_spatial
from onnxplain.graph.padding import explicit_pads
from onnxplain.graph.view import Node

_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE_POOL = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


class Windows:
    """Where the windows of a pooling node lie.

    Parameters
    ----------
    node : Node
        Reads ``auto_pad``, ``ceil_mode``, ``dilations``, ``kernel_shape``, ``pads``,
        ``strides``.
    """

    def __init__(self, node: Node) -> None:
        self.kernel: list[int] = node.attributes["kernel_shape"]
        self.rank = len(self.kernel)
        self.strides: list[int] = node.attributes.get("strides") or [1] * self.rank
        self.dilations: list[int] = node.attributes.get("dilations") or [1] * self.rank
        self.ceil = bool(node.attributes.get("ceil_mode", 0))
        self._auto_pad: str = node.attributes.get("auto_pad", "NOTSET")
        self._pads: list[int] = node.attributes.get("pads", [])

    def pads(self, size: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
        """Return padding at the beginning, at the end, and what the last window reaches.

        The third differs from the second where windows stop short of the padding, or
        reach beyond it (``ceil_mode``).
        """
        pads = explicit_pads(
            self._auto_pad, self._pads, size, self.kernel, self.strides, self.dilations
        )
        begin, end = pads[: self.rank], pads[self.rank :]
        reach = []
        for axis, length in enumerate(size):
            stride, padded = self.strides[axis], length + begin[axis] + end[axis]
            extent = (self.kernel[axis] - 1) * self.dilations[axis] + 1
            free = (padded - extent) / stride
            last = math.ceil(free) if self.ceil else math.floor(free)
            # A window may not start in the padding at the end.
            if self.ceil and last * stride >= length + begin[axis]:
                last -= 1
            reach.append(last * stride + extent - length - begin[axis])
        return begin, end, reach

    def total(self, x: Tensor) -> Tensor:
        """Sum over each window of an already padded tensor; separable, so axis by axis."""
        for axis in range(self.rank):
            extent = (self.kernel[axis] - 1) * self.dilations[axis] + 1
            windows = x.unfold(axis - self.rank, extent, self.strides[axis])
            x = windows[..., :: self.dilations[axis]].sum(-1)
        return x


class MaxPool(nn.Module):
    """Maximum over each window; padding never wins."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.windows = Windows(node)
        self.indices = len(node.outputs) > 1 and bool(node.outputs[1])
        self.column_major = bool(node.attributes.get("storage_order", 0))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Pool ``(N, C, *spatial)``; the second result holds flat positions in ``x``."""
        windows = self.windows
        begin, end, reach = windows.pads(x.shape[2:])
        values = x if x.is_floating_point() else x.float()
        padding = begin
        native = begin == end and all(
            r <= b and 2 * b <= k for b, k, r in zip(begin, windows.kernel, reach, strict=True)
        )
        if not native:
            # Where windows stop short of the end, what is left over is cut off by the pooling.
            after = [max(r, 0) for r in reach]
            values, padding = pad_spatial(values, begin + after, -math.inf), [0] * windows.rank
        pool, settings = _MAX_POOL[windows.rank], (windows.strides, padding, windows.dilations)
        if not self.indices:
            return pool(values, windows.kernel, *settings).to(x.dtype)
        y, where = pool(values, windows.kernel, *settings, return_indices=True)
        offset = [0] * windows.rank if native else begin
        return y.to(x.dtype), self._positions(where, x, values.shape[2:], offset)

    def _positions(
        self, where: Tensor, x: Tensor, size: Sequence[int], begin: Sequence[int]
    ) -> Tensor:
        spatial = list(x.shape[2:])
        axes: list[Tensor] = []
        for length, before in zip(reversed(size), reversed(begin), strict=True):
            axes.append(where % length - before)
            where = where // length
        strides = [math.prod(spatial[i + 1 :]) for i in range(len(spatial))]
        if self.column_major:
            strides = [math.prod(spatial[:i]) for i in range(len(spatial))]
        flat = sum(a * s for a, s in zip(reversed(axes), strides, strict=True))
        planes = torch.arange(x.shape[0] * x.shape[1], device=x.device) * math.prod(spatial)
        return flat + planes.reshape(x.shape[0], x.shape[1], *[1] * len(spatial))


class AveragePool(nn.Module):
    """Mean over each window; ``count_include_pad`` says whether padding counts."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.windows = Windows(node)
        self.include_pad = bool(node.attributes.get("count_include_pad", 0))

    def forward(self, x: Tensor) -> Tensor:
        """Pool ``(N, C, *spatial)``."""
        windows = self.windows
        begin, end, reach = windows.pads(x.shape[2:])
        native = begin == end and all(d == 1 for d in windows.dilations) and all(
            r <= b and 2 * b <= k for b, k, r in zip(begin, windows.kernel, reach, strict=True)
        )  # fmt: skip
        if native:
            return _AVERAGE_POOL[windows.rank](
                x, windows.kernel, windows.strides, begin, False, self.include_pad
            )
        after = [max(r, 0) for r in reach]
        ones = x.new_ones(x.shape[2:])
        if self.include_pad:
            counted = [min(e, a) for e, a in zip(end, after, strict=True)]
            ones = pad_spatial(ones, begin + counted, 1.0)
            beyond = [a - c for a, c in zip(after, counted, strict=True)]
            ones = pad_spatial(ones, [0] * windows.rank + beyond)
        else:
            ones = pad_spatial(ones, begin + after)
        return windows.total(pad_spatial(x, begin + after)) / windows.total(ones)


class LpPool(nn.Module):
    """``p``-norm of each window; padding counts as zero."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.windows = Windows(node)
        self.p: int = node.attributes.get("p", 2)

    def forward(self, x: Tensor) -> Tensor:
        """Pool ``(N, C, *spatial)``."""
        begin, _, reach = self.windows.pads(x.shape[2:])
        padded = pad_spatial(x.abs() ** self.p, begin + [max(r, 0) for r in reach])
        return self.windows.total(padded) ** (1.0 / self.p)


def max_pool(node: Node) -> nn.Module:
    """MaxPool, opset 1 to 22."""
    return MaxPool(node)


def average_pool(node: Node) -> nn.Module:
    """AveragePool, opset 7 to 22."""
    return AveragePool(node)


def lp_pool(node: Node) -> nn.Module:
    """LpPool, opset 2 to 22."""
    return LpPool(node)


def global_average_pool(node: Node) -> nn.Module:
    """GlobalAveragePool: mean over all axes after the second."""
    return Function(lambda x: x.mean(tuple(range(2, x.dim())), keepdim=True))


def global_max_pool(node: Node) -> nn.Module:
    """GlobalMaxPool: maximum over all axes after the second; one winner per channel."""

    def pool(x: Tensor) -> Tensor:
        return x.flatten(2).max(-1).values.reshape(*x.shape[:2], *[1] * (x.dim() - 2))

    return Function(pool)


def global_lp_pool(node: Node) -> nn.Module:
    """GlobalLpPool: ``p``-norm over all axes after the second."""
    p = node.attributes.get("p", 2)
    return Function(
        lambda x: torch.linalg.vector_norm(x, p, tuple(range(2, x.dim())), keepdim=True)
    )
