"""Arithmetic on a tensor that holds the picture: scales, shifts, mixtures, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.pixels import CHANNELS, OTHER, PLACES, Limits, Pixels
from onnxplain.graph.view import Graph, Node

Found = tuple[Pixels, ...] | None
# Shares of red, green and blue in grey sum up to one; fitted numbers of a network rarely do.
_SUM_OF_GREY = (0.98, 1.02)
# Numbers in a mean picture.
_LARGEST_PICTURE = 1 << 26


def scale(graph: Graph, node: Node, tensor: str, held: Pixels) -> Found:
    """Addition of, or multiplication by, a constant."""
    others = [i for i in node.inputs if i and i != tensor]
    if len(others) != 1 or not graph.is_constant(others[0]):
        return None
    if np.prod(graph.constant_shape(others[0]), dtype=float) > _LARGEST_PICTURE:
        return None
    value = graph.constant(others[0]).astype(np.float64)
    if value.size == 0:
        return None
    roles, flat = _placed(value.shape, held), value.reshape(-1)
    if roles is None:
        return _mean_picture(node, tensor, held, value)
    held, first = held.laid_out(*roles), node.inputs[0] == tensor
    if node.op_type in ("Add", "Sum"):
        return (held.scaled(np.ones(1), flat, node),)
    if node.op_type == "Sub":
        sign = np.ones(1) if first else -np.ones(1)
        return (held.scaled(sign, -flat if first else flat, node),)
    if node.op_type == "Mul":
        return (held.scaled(flat, 0.0, node),)
    if node.op_type == "Div" and first and np.all(flat != 0):
        return (held.scaled(1.0 / flat, 0.0, node),)
    return None


def _placed(shape: tuple[int, ...], held: Pixels) -> tuple[str, ...] | None:
    """Roles of the axes once a constant is added; ``None`` if it is not one for each channel."""
    roles = (OTHER,) * (len(shape) - len(held.roles)) + held.roles
    longer = [k + len(roles) - len(shape) for k, n in enumerate(shape) if n > 1]
    if not longer:
        return roles
    if len(longer) > 1:
        return None
    (axis,) = longer
    length = shape[axis - len(roles)]
    if roles[axis] == CHANNELS:
        return roles if held.count in (1, length) else None
    if roles[axis] != OTHER or held.count > 1 or CHANNELS in roles:
        return None
    return (*roles[:axis], CHANNELS, *roles[axis + 1 :])


def _mean_picture(node: Node, tensor: str, held: Pixels, value: NDArray[Any]) -> Found:
    """Subtraction of a whole picture, and division by one afterwards: their means count."""
    subtracts = node.op_type in ("Add", "Sub") and node.inputs[0] == tensor
    divides = node.op_type == "Div" and node.inputs[0] == tensor and held.mean_picture
    if not (subtracts or divides) or value.ndim > len(held.roles) or not np.isfinite(value).all():
        return None
    roles = held.roles[len(held.roles) - value.ndim :]
    over = tuple(k for k, role in enumerate(roles) if role != CHANNELS)
    if not any(roles[k] in PLACES and value.shape[k] > 1 for k in over):
        return None
    mean = value.mean(axis=over).reshape(-1)
    if mean.size not in (1, held.count):
        return None
    if divides:
        return None if np.any(mean <= 0) else (held.scaled(1.0 / mean, 0.0, node),)
    shifted = held.scaled(np.ones(1), mean if node.op_type == "Add" else -mean, node)
    return (replace(shifted, mean_picture=True),)


def combine(node: Node, known: Mapping[str, Pixels]) -> Found:
    """Sum, difference or mean of tensors of the same picture: grey from single channels."""
    if not all(i in known for i in node.inputs):
        return None
    if node.op_type not in ("Add", "Sub", "Sum", "Mean"):
        return None
    total = known[node.inputs[0]]
    for name in node.inputs[1:]:
        added = total.plus(known[name], -1.0 if node.op_type == "Sub" else 1.0, node)
        if added is None:
            return None
        total = added
    share = 1.0 / len(node.inputs) if node.op_type == "Mean" else 1.0
    return (replace(total, weights=total.weights * share, shift=total.shift * share),)


def product(held: Pixels, matrix: NDArray[Any], bias: NDArray[Any] | float, node: Node) -> Found:
    """Product with a matrix that swaps, scales or weighs channels; not one that mixes freely."""
    swaps = bool(np.all(np.count_nonzero(matrix, axis=1) == 1))
    low, high = _SUM_OF_GREY
    sums = matrix.sum(axis=1) if held.count > 1 else np.zeros(len(matrix))
    grey = bool(np.all(matrix >= 0) and np.all((sums >= low) & (sums <= high)))
    if not ((swaps and len(matrix) == held.count) or grey):
        return None
    return (held.mixed(matrix, bias, node),)


def whiten(graph: Graph, node: Node, held: Pixels) -> Found:
    """Batch normalisation with the mean and variance that training measured."""
    others = node.inputs[1:5]
    if (
        held.roles[1:2] != (CHANNELS,)
        or node.attributes.get("spatial", 1) != 1
        or len(others) != 4
        or not all(
            graph.is_constant(i) and graph.constant_shape(i) == (held.count,) for i in others
        )
    ):
        return None
    gamma, beta, mean, variance = (graph.constant(i).astype(np.float64) for i in others)
    deviation = np.sqrt(np.maximum(variance, 0) + node.attributes.get("epsilon", 1e-5))
    made = held.scaled(gamma / deviation, beta - mean * gamma / deviation, node)
    # Those of a network that was never trained say nothing.
    if np.allclose(mean, 0, atol=1e-6) and np.allclose(variance, 1, atol=1e-3):
        return (made,)
    white = held.scaled(1 / deviation, -mean / deviation, node)
    limit = Limits("whitened", white.weights, white.shift, node.output)
    return (replace(made, limits=(*held.limits, limit)),)


def quantise(graph: Graph, node: Node, held: Pixels) -> Found:
    """Rounding to a range that was measured, and back; or whole numbers made values."""
    further = [i for i in node.inputs[1:] if i]
    if not further or not all(
        graph.is_constant(i) and len(graph.constant_shape(i)) <= 1 for i in further
    ):
        return None
    factor = graph.constant(node.inputs[1]).astype(np.float64).reshape(-1)
    zero: NDArray[Any] = np.zeros(1, np.uint8)
    if len(node.inputs) > 2 and node.inputs[2]:
        zero = graph.constant(node.inputs[2]).reshape(-1)
    if factor.size != 1 or zero.size != 1 or zero.dtype.kind not in "iu" or factor[0] <= 0:
        return None
    offset = float(zero[0])
    if node.op_type == "DequantizeLinear":
        if held.rounded:
            return (replace(held, rounded=False),)
        return (held.scaled(factor, -offset * factor, node),)
    info = np.iinfo(zero.dtype)
    low, high = ((end - offset) * float(factor[0]) for end in (info.min, info.max))
    limit = Limits("quantised", held.weights, held.shift, node.output, low, high)
    return (replace(held, rounded=True, limits=(*held.limits, limit)),)


def clip(graph: Graph, node: Node, held: Pixels) -> Found:
    """Clipping to a constant range."""
    bounds = [node.attributes.get("min"), node.attributes.get("max")]
    given = [i for i in node.inputs[1:] if i]
    if not all(graph.is_constant(i) and graph.constant(i).size == 1 for i in given):
        return None
    for k, name in enumerate(node.inputs[1:3]):
        if name:
            place = {"Min": 1, "Max": 0}.get(node.op_type, k)
            bounds[place] = float(graph.constant(name).reshape(-1)[0])
    low, high = (-np.inf if bounds[0] is None else bounds[0],
                 np.inf if bounds[1] is None else bounds[1])  # fmt: skip
    if not low < high:
        return None
    limit = Limits("clipped", held.weights, held.shift, node.output, float(low), float(high))
    return (replace(held, limits=(*held.limits, limit)),)
