"""Pooling: what arrives goes to the largest element of a window, or to all in equal parts."""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.padding import Walk, kernel_walks
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule
from onnxplain.symbolic.rules.convolution import spread_windows


@rule("MaxPool")
def max_pool(at: Back) -> list[str]:
    """Added up at the elements that won, of which a second pooling tells where they stand.

    The node itself is left alone: asked for indices as well, it would take another kernel.
    """
    if len(at.slopes) > 1 and at.slopes[1] is not None:
        raise at.refusal("its indices are read")
    attributes = {k: v for k, v in at.node.attributes.items() if k != "storage_order"}
    _, where = at.build.many("MaxPool", [at.x()], 2, **attributes)
    code = onnx.helper.np_dtype_to_tensor_dtype(at.dtype)
    zero = onnx.helper.make_tensor("value", code, [1], [0.0])
    count = at("Reshape", at("Size", at.x()), [1])
    empty = at("ConstantOfShape", count, value=zero)
    rows, slopes = at("Reshape", where, [-1]), at("Reshape", at.slope, [-1])
    # Windows that overlap may have the same winner.
    apart = all(w.stride > (w.kernel - 1) * w.dilation for w in _walks(at))
    adding = {} if apart else {"reduction": "add"}
    return [at.like(at("ScatterElements", empty, rows, slopes, axis=0, **adding))]


@rule("AveragePool")
def average_pool(at: Back) -> list[str]:
    """A transposed convolution with kernels of ones, after a division by the counts."""
    walks = _walks(at)
    channels = at.known(at.shape()[1])
    kernel = [w.kernel for w in walks]
    share = at("Mul", at.slope, np.asarray(1.0 / _counts(at, walks), at.dtype))
    ones = at.build.constant(np.ones((channels, 1, *kernel), at.dtype))
    return [spread_windows(at, share, ones, (channels, 1, *kernel), walks, channels)]


def _walks(at: Back) -> list[Walk]:
    return kernel_walks(at.node, at.sizes(start=2), at.node.attributes["kernel_shape"])


def _counts(at: Back, walks: list[Walk]) -> NDArray[np.float64]:
    """Elements in each window; padding counts if the node says so, what lies beyond never."""
    included = bool(at.get("count_include_pad", 0))
    counts: NDArray[np.float64] = np.ones(())
    for walk, length, steps in zip(walks, at.sizes(start=2), at.y_sizes(2), strict=True):
        first = np.arange(steps)[:, None] * walk.stride - walk.before
        places = first + np.arange(walk.kernel) * walk.dilation
        low, high = (-walk.before, length + walk.after) if included else (0, length)
        inside = ((places >= low) & (places < high)).sum(axis=1)
        counts = counts[..., None] * inside
    return counts


@rule("GlobalAveragePool")
def global_average_pool(at: Back) -> list[str]:
    """An equal part for each place."""
    share = at("Mul", at.slope, 1.0 / math.prod(at.sizes(start=2)))
    return [at("Expand", share, at("Shape", at.x()))]


@rule("GlobalMaxPool")
def global_max_pool(at: Back) -> list[str]:
    """To the first of the largest places of each channel."""
    channels, *places = at.sizes(start=1)
    count = math.prod(places)
    first = at("ArgMax", at("Reshape", at.x(), [-1, channels, count]), axis=2, keepdims=1)
    ranks = at.build.constant(np.arange(count).reshape(1, 1, count))
    slope = at("Reshape", at.slope, [-1, channels, 1])
    return [at.like(at.where(at("Equal", first, ranks), slope))]
