"""Overlapping patches added up to an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node


def column_to_image(node: Node) -> nn.Module:
    """Col2Im: (N, C * block, places) to (N, C, *image), any number of spatial axes."""
    get = node.attributes.get

    def apply(x: Tensor, image_shape: Tensor, block_shape: Tensor) -> Tensor:
        image, block = integers(image_shape), integers(block_shape)
        rank = len(image)
        strides, dilations = get("strides", [1] * rank), get("dilations", [1] * rank)
        pads = get("pads", [0] * 2 * rank)
        padded = [n + pads[i] + pads[rank + i] for i, n in enumerate(image)]
        # Position in the padded image of each element of a block at each place.
        index = torch.zeros((1,) * 2 * rank, dtype=torch.int64, device=x.device)
        for axis in range(rank):
            reach = dilations[axis] * (block[axis] - 1) + 1
            start = torch.arange(0, padded[axis] - reach + 1, strides[axis], device=x.device)
            inside = torch.arange(block[axis], device=x.device) * dilations[axis]
            place = inside.unsqueeze(-1) + start
            shape = [1] * 2 * rank
            shape[axis], shape[rank + axis] = place.shape
            index = index * padded[axis] + place.reshape(shape)
        channels = x.shape[1] // math.prod(block)
        sums = x.new_zeros(x.shape[0], channels, math.prod(padded))
        columns = x.reshape(x.shape[0], channels, -1)
        y = sums.index_add(2, index.reshape(-1), columns).reshape(*x.shape[:1], channels, *padded)
        for axis in range(rank):
            y = y.narrow(2 + axis, pads[axis], image[axis])
        return y

    return Function(apply)
