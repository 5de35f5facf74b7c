"""Convolution and transposed convolution; all operands are inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.padding import pad_spatial
from onnxplain.graph.padding import explicit_pads
from onnxplain.graph.view import Node

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_CONV_TRANSPOSE = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


class Conv(nn.Module):
    """Cross-correlation of 1 to 3 spatial axes, called as ``module(x, w, b)``.

    Padding belongs to the module: it is bilinear in ``x`` and ``w`` and affine in ``b``.

    Parameters
    ----------
    node : Node
        A Conv node; reads ``auto_pad``, ``dilations``, ``group``, ``pads``, ``strides``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.auto_pad: str = node.attributes.get("auto_pad", "NOTSET")
        self.dilations: list[int] = node.attributes.get("dilations", [])
        self.group: int = node.attributes.get("group", 1)
        self.pads: list[int] = node.attributes.get("pads", [])
        self.strides: list[int] = node.attributes.get("strides", [])

    def forward(self, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x : (N, C, *spatial) Tensor
        w : (M, C / group, *kernel) Tensor
        b : (M,) Tensor, optional

        Returns
        -------
        (N, M, *output) Tensor
        """
        rank = x.dim() - 2
        strides = self.strides or [1] * rank
        dilations = self.dilations or [1] * rank
        pads = explicit_pads(self.auto_pad, self.pads, x.shape[2:], w.shape[2:], strides, dilations)
        padding = pads[:rank]
        if pads[:rank] != pads[rank:]:
            x, padding = pad_spatial(x, pads), [0] * rank
        return _CONV[rank](x, w, b, strides, padding, dilations, self.group)


class ConvTranspose(nn.Module):
    """Transposed convolution of 1 to 3 spatial axes, called as ``module(x, w, b)``.

    Parameters
    ----------
    node : Node
        A ConvTranspose node; reads ``auto_pad``, ``dilations``, ``group``,
        ``output_padding``, ``output_shape``, ``pads``, ``strides``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.auto_pad: str = node.attributes.get("auto_pad", "NOTSET")
        self.dilations: list[int] = node.attributes.get("dilations", [])
        self.group: int = node.attributes.get("group", 1)
        self.output_padding: list[int] = node.attributes.get("output_padding", [])
        self.output_shape: list[int] = node.attributes.get("output_shape", [])
        self.pads: list[int] = node.attributes.get("pads", [])
        self.strides: list[int] = node.attributes.get("strides", [])

    def forward(self, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
        """Convolve, transposed.

        Parameters
        ----------
        x : (N, C, *spatial) Tensor
        w : (C, M / group, *kernel) Tensor
        b : (M,) Tensor, optional

        Returns
        -------
        (N, M, *output) Tensor
        """
        rank = x.dim() - 2
        strides = self.strides or [1] * rank
        dilations = self.dilations or [1] * rank
        extra = self.output_padding or [0] * rank
        y = _CONV_TRANSPOSE[rank](x, w, None, strides, 0, 0, self.group, dilations)
        full = [length + e for length, e in zip(y.shape[2:], extra, strict=True)]
        begin, end = self._crop(x.shape[2:], full, strides)
        # The kernel never reaches the extra rows of output_padding, but the bias does.
        change = [-c for c in begin] + [e - c for e, c in zip(extra, end, strict=True)]
        y = pad_spatial(y, change) if any(change) else y
        return y if b is None else y + b.reshape(-1, *[1] * rank)

    def _crop(
        self, size: torch.Size, full: list[int], strides: list[int]
    ) -> tuple[list[int], list[int]]:
        rank = len(full)
        wanted = self.output_shape[-rank:]
        if not wanted and self.auto_pad.startswith("SAME"):
            wanted = [length * s for length, s in zip(size, strides, strict=True)]
        if not wanted:
            pads = self.pads or [0] * 2 * rank
            return pads[:rank], pads[rank:]
        total = [length - w for length, w in zip(full, wanted, strict=True)]
        small = [t // 2 for t in total]
        large = [t - s for t, s in zip(total, small, strict=True)]
        return (small, large) if self.auto_pad == "SAME_UPPER" else (large, small)


def conv(node: Node) -> nn.Module:
    """Conv, opset 1 to 22."""
    return Conv(node)


def conv_transpose(node: Node) -> nn.Module:
    """ConvTranspose, opset 1 to 22."""
    return ConvTranspose(node)
