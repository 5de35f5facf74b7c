"""Resize and Upsample: along each axis a product with a small interpolation matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function, integers
from onnxplain.graph.view import Node


@dataclass(frozen=True)
class Sampling:
    """Attributes of a Resize node; the names are those of the standard."""

    mode: str
    coordinates: str
    nearest_mode: str
    cubic_a: float
    antialias: bool
    exclude_outside: bool
    extrapolation: float

    @classmethod
    def of(cls, node: Node) -> Sampling:
        """Read a Resize node, opset 11 to 19."""
        get = node.attributes.get
        return cls(
            mode=get("mode", "nearest"),
            coordinates=get("coordinate_transformation_mode", "half_pixel"),
            nearest_mode=get("nearest_mode", "round_prefer_floor"),
            cubic_a=get("cubic_coeff_a", -0.75),
            antialias=bool(get("antialias", 0)),
            exclude_outside=bool(get("exclude_outside", 0)),
            extrapolation=get("extrapolation_value", 0.0),
        )


@dataclass(frozen=True)
class Axis:
    """One resized axis: lengths before and after, scale, region of interest."""

    index: int
    length: int
    wanted: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    def coordinates(self, kind: str, dtype: torch.dtype) -> Tensor:
        """Position in the input of each position of the output."""
        out = torch.arange(self.wanted, dtype=dtype)
        scale = torch.tensor(self.scale, dtype=dtype)
        last = self.length - 1
        if kind == "asymmetric":
            return out / scale
        if kind == "align_corners":
            return out * last / (self.wanted - 1) if self.wanted > 1 else out
        if kind == "tf_crop_and_resize":
            if self.wanted == 1:
                return out + 0.5 * (self.start + self.end) * last
            return self.start * last + out * (self.end - self.start) * last / (self.wanted - 1)
        if kind == "pytorch_half_pixel" and self.wanted == 1:
            return out
        centred = (out + 0.5) / scale - 0.5
        if kind == "half_pixel_symmetric":
            # The part of the input that whole output positions cover, centred.
            adjustment = self.wanted / (self.scale * self.length)
            return self.length / 2 * (1 - adjustment) + centred
        return centred


_ROUND = {
    "ceil": torch.ceil,
    "floor": torch.floor,
    "round_prefer_ceil": lambda c: torch.floor(c + 0.5),
    "round_prefer_floor": lambda c: torch.ceil(c - 0.5),
}


def _kernel(distance: Tensor, sampling: Sampling) -> Tensor:
    """Weight of an input position at a distance from the coordinate."""
    t = distance.abs()
    if sampling.mode == "linear":
        return (1 - t).clamp(min=0)
    a = sampling.cubic_a
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return torch.where(t <= 1, near, torch.where(t < 2, far, 0))


def _matrix(axis: Axis, sampling: Sampling) -> Tensor:
    """Interpolation matrix, (wanted, length), float64 on the CPU."""
    coordinate = axis.coordinates(sampling.coordinates, torch.float64).unsqueeze(-1)
    shrink = min(1.0, axis.scale) if sampling.antialias else 1.0
    reach = math.ceil((1 if sampling.mode == "linear" else 2) / shrink)
    position = torch.floor(coordinate) + torch.arange(-reach, reach + 2)
    weight = _kernel((position - coordinate) * shrink, sampling)
    inside = (position >= 0) & (position < axis.length)
    if sampling.exclude_outside:
        weight = torch.where(inside, weight, 0)
    if sampling.exclude_outside or sampling.antialias:
        weight = weight / weight.sum(-1, keepdim=True)
    column = position.long().clamp(0, axis.length - 1)
    matrix = torch.zeros(axis.wanted, axis.length, dtype=torch.float64)
    return matrix.scatter_add(1, column, weight)


def _resize_axis(x: Tensor, axis: Axis, sampling: Sampling) -> Tensor:
    if sampling.mode == "nearest":
        # Ties decide which neighbour is taken: in float32, as ONNX Runtime computes them.
        coordinate = axis.coordinates(sampling.coordinates, torch.float32)
        source = _ROUND[sampling.nearest_mode](coordinate).long().clamp(0, axis.length - 1)
        y = x.index_select(axis.index, source.to(x.device))
    else:
        matrix = _matrix(axis, sampling).to(x.device, x.dtype)
        y = torch.matmul(x.movedim(axis.index, -1), matrix.T).movedim(-1, axis.index)
    if sampling.coordinates != "tf_crop_and_resize":
        return y
    coordinate = axis.coordinates(sampling.coordinates, torch.float64)
    outside = (coordinate < 0) | (coordinate > axis.length - 1)
    shape = [-1 if i == axis.index else 1 for i in range(x.dim())]
    return torch.where(outside.to(x.device).reshape(shape), sampling.extrapolation, y)


def _resize(x: Tensor, axes: Sequence[Axis], sampling: Sampling) -> Tensor:
    crops = sampling.coordinates == "tf_crop_and_resize"
    for axis in axes:
        if crops or axis.wanted != axis.length or axis.scale != 1:
            x = _resize_axis(x, axis, sampling)
    return x


def _scaled(length: int, scale: float) -> int:
    """Length after scaling, in float32 as ONNX Runtime computes it: 20 * 0.7 is 14."""
    return math.floor(np.float32(length) * np.float32(scale))


def _lengths(
    x: Tensor, axes: Sequence[int], scales: Tensor | None, sizes: Tensor | None, policy: str
) -> list[tuple[int, float]]:
    """Length and scale of each resized axis."""
    if sizes is None or not sizes.numel():
        assert scales is not None  # one of the two is there
        given = [float(s) for s in scales.tolist()]
        return [(_scaled(x.shape[a], s), s) for a, s in zip(axes, given, strict=True)]
    wanted = integers(sizes)
    ratios = [w / x.shape[a] for a, w in zip(axes, wanted, strict=True)]
    if policy == "stretch":
        return list(zip(wanted, ratios, strict=True))
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return [(math.floor(ratio * x.shape[a] + 0.5), ratio) for a in axes]


def resize(node: Node) -> nn.Module:
    """Resize, opset 11 to 19."""
    sampling = Sampling.of(node)
    fixed = node.attributes.get("axes")
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")

    def apply(
        x: Tensor,
        roi: Tensor | None = None,
        scales: Tensor | None = None,
        sizes: Tensor | None = None,
    ) -> Tensor:
        axes = [a % x.dim() for a in (range(x.dim()) if fixed is None else fixed)]
        region = [0.0] * len(axes) + [1.0] * len(axes)
        if roi is not None and roi.numel():
            region = roi.tolist()
        described = [
            Axis(a, x.shape[a], wanted, scale, region[i], region[i + len(axes)])
            for i, (a, (wanted, scale)) in enumerate(
                zip(axes, _lengths(x, axes, scales, sizes, policy), strict=True)
            )
        ]
        return _resize(x, described, sampling)

    return Function(apply)


def upsample(node: Node) -> nn.Module:
    """Upsample, and Resize-10: scales only, coordinates start at the corner."""
    mode = node.attributes.get("mode", "nearest")
    sampling = Sampling(mode, "asymmetric", "floor", -0.75, False, False, 0.0)
    fixed: Any = node.attributes.get("scales")

    def apply(x: Tensor, scales: Tensor | None = None) -> Tensor:
        factors = fixed if scales is None else scales.tolist()
        axes = [
            Axis(i, length, _scaled(length, factor), factor)
            for i, (length, factor) in enumerate(zip(x.shape, factors, strict=True))
        ]
        return _resize(x, axes, sampling)

    return Function(apply)
