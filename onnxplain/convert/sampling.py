"""Operators that read an image at computed positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from onnxplain.convert.function import Function
from onnxplain.graph.view import Node

_MODES = {"linear": "bilinear", "cubic": "bicubic"}


def grid_sample(node: Node) -> nn.Module:
    """GridSample, opset 16 to 22; opset 20 renamed the modes."""
    mode = node.attributes.get("mode", "linear")
    padding = node.attributes.get("padding_mode", "zeros")
    corners = bool(node.attributes.get("align_corners", 0))
    return Function(
        lambda x, grid: functional.grid_sample(x, grid, _MODES.get(mode, mode), padding, corners)
    )


def affine_grid(node: Node) -> nn.Module:
    """AffineGrid, 2-D and 3-D."""
    corners = bool(node.attributes.get("align_corners", 0))
    return Function(lambda theta, size: functional.affine_grid(theta, size.tolist(), corners))


class DeformConv(nn.Module):
    """Deformable convolution of images, called as ``module(x, w, offset, b, mask)``.

    Parameters
    ----------
    node : Node
        Reads ``dilations``, ``group``, ``offset_group``, ``pads``, ``strides``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.dilations: list[int] = node.attributes.get("dilations") or [1, 1]
        self.group: int = node.attributes.get("group", 1)
        self.offset_group: int = node.attributes.get("offset_group", 1)
        self.pads: list[int] = node.attributes.get("pads") or [0, 0, 0, 0]
        self.strides: list[int] = node.attributes.get("strides") or [1, 1]

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        offset: Tensor,
        b: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Convolve at displaced positions.

        Parameters
        ----------
        x : (N, C, H, W) Tensor
        w : (M, C / group, KH, KW) Tensor
        offset : (N, offset_group * KH * KW * 2, OH, OW) Tensor
            Displacement in pixels, vertical before horizontal.
        b : (M,) Tensor, optional
        mask : (N, offset_group * KH * KW, OH, OW) Tensor, optional

        Returns
        -------
        (N, M, OH, OW) Tensor
        """
        n, c = x.shape[:2]
        taps = w.shape[2] * w.shape[3]
        out = offset.shape[2:]
        offset = offset.reshape(n * self.offset_group, taps, 2, *out)
        grid = self._grid(x, w, offset).reshape(n * self.offset_group, taps * out[0], out[1], 2)
        planes = x.reshape(n * self.offset_group, -1, *x.shape[2:])
        values = functional.grid_sample(planes, grid, "bilinear", "zeros", align_corners=False)
        values = values.reshape(n, self.offset_group, -1, taps, *out)
        if mask is not None:
            values = values * mask.reshape(n, self.offset_group, 1, taps, *out)
        columns = values.reshape(n, self.group, c // self.group * taps, -1)
        kernels = w.reshape(self.group, w.shape[0] // self.group, -1)
        y = (kernels @ columns).reshape(n, w.shape[0], *out)
        return y if b is None else y + b.reshape(-1, 1, 1)

    def _grid(self, x: Tensor, w: Tensor, offset: Tensor) -> Tensor:
        """Return sampled positions in the convention of `grid_sample`, (N, taps, OH, OW, 2)."""
        axes = []
        for axis in (0, 1):
            start = torch.arange(offset.shape[3 + axis], device=x.device) * self.strides[axis]
            tap = torch.arange(w.shape[2 + axis], device=x.device) * self.dilations[axis]
            shape = (1, -1, 1) if axis == 0 else (1, 1, -1)
            taps = tap.repeat_interleave(w.shape[3]) if axis == 0 else tap.repeat(w.shape[2])
            base = start.reshape(shape) + taps.reshape(-1, 1, 1) - self.pads[axis]
            position = base + offset[:, :, axis]
            axes.append((2 * position + 1) / x.shape[2 + axis] - 1)
        return torch.stack((axes[1], axes[0]), -1)


def deform_conv(node: Node) -> nn.Module:
    """DeformConv, opset 19 to 22, for images."""
    return DeformConv(node)
