"""Strided convolutions whose backward pass leaves no grid.

A transposed convolution of stride s reaches some pixels through more weights than others,
which shows as a grid. Oramas, Wang, Tuytelaars 2019 (arXiv:1712.06302, section 3.3) enlarge
the incoming signal to the nearest neighbour and apply the transposed convolution of stride
one. Here it is also divided by the product of the strides, so that its mean stays that of
the ordinary pass and branches keep their proportions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_input

from onnxplain.convert.padding import torch_order
from onnxplain.graph.padding import explicit_pads
from onnxplain.graph.view import Node


def is_strided(node: Node) -> bool:
    """Whether a node is a convolution of images that skips places."""
    strides = node.attributes.get("strides") or [1]
    return node.op_type == "Conv" and not node.domain and len(strides) == 2 and max(strides) > 1


class Resampled(torch.autograd.Function):
    """The output of a strided convolution with its backward pass replaced.

    Applied to the convolution's input, its weight, its output and its node.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, y: Tensor, node: Node) -> Tensor:
        """Hand the output on."""
        ctx.save_for_backward(weight)
        ctx.size, ctx.node = x.shape, node
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        """Carry the signal back to the convolution's input."""
        (weight,) = ctx.saved_tensors
        return resampled_transpose(gradients[0], weight, ctx.size, ctx.node), None, None, None


def resampled_transpose(G: Tensor, weight: Tensor, size: torch.Size, node: Node) -> Tensor:
    """Carry a signal back through a strided convolution without leaving a grid.

    Parameters
    ----------
    G : (N, K, h, w) Tensor
        Signal at the convolution's output.
    weight : (K, C / group, kh, kw) Tensor
        Its kernels.
    size : torch.Size
        Shape of its input, (N, C, H, W).
    node : Node
        The convolution; reads ``auto_pad``, ``dilations``, ``group``, ``pads``, ``strides``.

    Returns
    -------
    (N, C, H, W) Tensor
    """
    strides = node.attributes["strides"]
    dilations = node.attributes.get("dilations") or [1, 1]
    pads = explicit_pads(
        node.attributes.get("auto_pad", "NOTSET"),
        node.attributes.get("pads") or [],
        size[2:],
        weight.shape[2:],
        strides,
        dilations,
    )
    padded = [size[2 + k] + pads[k] + pads[2 + k] for k in range(2)]
    dense = [padded[k] - dilations[k] * (weight.shape[2 + k] - 1) for k in range(2)]
    # Each place is repeated where its window would slide on to before the next one.
    large = G.repeat_interleave(strides[0], 2).repeat_interleave(strides[1], 3)
    large = large[:, :, : dense[0], : dense[1]]
    spread = conv2d_input(
        [*size[:2], *padded],
        weight,
        large,
        dilation=dilations,
        groups=node.attributes.get("group", 1),
    )
    return functional.pad(spread, torch_order([-p for p in pads])) / (strides[0] * strides[1])
