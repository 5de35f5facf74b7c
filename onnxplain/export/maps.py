"""The maps of each method in ONNX nodes, from values and slopes of a layer or of the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from onnxplain.graph.layers import SpatialLayer
from onnxplain.symbolic.builder import Builder

# What XGrad-CAM adds to the sum that it divides by; see `onnxplain.methods.place_cams`.
_STABILIZER = 1e-7
_PLACES = (2, 3)


def layer_maps(build: Builder, layer: SpatialLayer, x: str) -> str:
    """Write a tensor of a layer as (N, C, height, width); see `SpatialLayer.to_maps`."""
    order = [layer.axes.index(a) for a in ("N", "C", "H", "W", "L") if a in layer.axes]
    if order != list(range(len(order))):
        x = build.add("Transpose", x, perm=order)
    if layer.order is None and "L" not in layer.axes:
        return x
    flat = build.add("Reshape", x, build.integers(0, layer.channels, -1))
    if layer.order is not None:
        flat = build.add("Gather", flat, build.constant(np.asarray(layer.order)), axis=2)
    elif layer.prefix:
        starts, ends, axes = (build.integers(n) for n in (layer.prefix, 2**62, 2))
        flat = build.add("Slice", flat, starts, ends, axes)
    return build.add("Reshape", flat, build.integers(-1, layer.channels, *layer.grid))


def grad_cam(build: Builder, values: str, slopes: str) -> str:
    """Maps weighted by their mean slope."""
    weights = build.reduce("ReduceMean", slopes, _PLACES)
    return _over_channels(build, build.add("Mul", values, weights))


def counterfactual_grad_cam(build: Builder, values: str, slopes: str) -> str:
    """The negative of Grad-CAM."""
    return build.add("Neg", grad_cam(build, values, slopes))


def hirescam(build: Builder, values: str, slopes: str) -> str:
    """Maps times slopes, place by place."""
    return _over_channels(build, build.add("Mul", values, slopes))


def layercam(build: Builder, values: str, slopes: str) -> str:
    """Maps times the positive part of the slopes."""
    return hirescam(build, values, build.add("Relu", slopes))


def xgrad_cam(build: Builder, values: str, slopes: str) -> str:
    """Maps weighted by their slopes, averaged in proportion to the map."""
    sums = build.reduce("ReduceSum", values, _PLACES)
    parts = build.reduce("ReduceSum", build.add("Mul", values, slopes), _PLACES)
    weights = build.add("Div", parts, build.add("Add", sums, build.number(_STABILIZER)))
    return _over_channels(build, build.add("Mul", values, weights))


def grad_cam_plus_plus(build: Builder, values: str, slopes: str) -> str:
    """Maps weighted by positive slopes, of which each place counts by its share."""
    zero, one = build.number(0.0), build.number(1.0)
    sums = build.reduce("ReduceSum", values, _PLACES)
    divisor = build.add("Add", build.add("Mul", sums, slopes), build.number(2.0))
    usable = build.add("Not", build.add("Equal", divisor, zero))
    share = build.add("Div", one, build.add("Where", usable, divisor, one))
    share = build.add("Where", usable, share, zero)
    weights = build.add("Mul", share, build.add("Relu", slopes))
    weights = build.reduce("ReduceSum", weights, _PLACES)
    return _over_channels(build, build.add("Mul", values, weights))


def cam(build: Builder, values: str, weights: str) -> str:
    """Maps weighted by the class's row of the linear head, (N, C).

    The score is linear in the mean of each map, so that the sum of its slopes is that weight.
    """
    wide = build.add("Unsqueeze", weights, build.integers(2, 3))
    return _over_channels(build, build.add("Mul", values, wide))


def gradient(build: Builder, x: str, slopes: str, channels: int) -> str:
    """The slopes as they are."""
    return build.add("Identity", slopes)


def gradient_x_input(build: Builder, x: str, slopes: str, channels: int) -> str:
    """Slopes times the input."""
    return build.add("Mul", slopes, x)


def saliency(build: Builder, x: str, slopes: str, channels: int) -> str:
    """The largest slope over the channels, without its sign."""
    return build.reduce("ReduceMax", build.add("Abs", slopes), [channels], keep=False)


#: (builder, maps, their slopes) -> (N, height, width)
AT_LAYER: Mapping[str, Callable[[Builder, str, str], str]] = MappingProxyType(
    {
        "counterfactual-grad-cam": counterfactual_grad_cam,
        "grad-cam": grad_cam,
        "grad-cam++": grad_cam_plus_plus,
        "hirescam": hirescam,
        "layercam": layercam,
        "xgrad-cam": xgrad_cam,
    }
)
#: (builder, input, its slopes, axis of the channels) -> the map
AT_INPUT: Mapping[str, Callable[[Builder, str, str, int], str]] = MappingProxyType(
    {"gradient": gradient, "gradient-x-input": gradient_x_input, "saliency": saliency}
)


def _over_channels(build: Builder, x: str) -> str:
    return build.reduce("ReduceSum", x, [1], keep=False)
