"""Does the graph normalise its input itself?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.pixel_flow import follow
from onnxplain.graph.pixels import Pixels
from onnxplain.graph.view import Graph, Node

# Shares of red, green and blue in brightness, as television defines them.
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])
# Means of red, green and blue over the photos that most networks were trained on.
_MEANS = np.array([[0.485, 0.456, 0.406], [0.4815, 0.4578, 0.4082]])
_CLOSE = 0.006


@dataclass(frozen=True)
class InnerNormalisation:
    """What the graph does to its input before anything else.

    Attributes
    ----------
    pixels : Pixels
        What the network proper sees: ``weights @ x + shift``.
    """

    pixels: Pixels

    @property
    def scale(self) -> NDArray[Any]:
        """Factor on the input for each channel that the network proper sees."""
        weights = self.pixels.weights
        single = np.count_nonzero(weights, axis=1) == 1
        summed = np.where(single, weights.sum(axis=1), np.abs(weights).sum(axis=1))
        return np.asarray(summed)

    @property
    def shift(self) -> NDArray[Any]:
        """What is added to each of these channels."""
        return self.pixels.shift

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that calculate."""
        return self.pixels.nodes

    @property
    def changes(self) -> bool:
        """Whether values are changed at all, and not just moved, clipped or rounded."""
        chosen = np.isin(self.pixels.weights, (0.0, 1.0)).all()
        return bool(self.pixels.free) or not (chosen and np.all(self.shift == 0) and self.one_each)

    @property
    def one_each(self) -> bool:
        """Whether each channel is made of one channel of the input."""
        return bool(np.all(np.count_nonzero(self.pixels.weights, axis=1) == 1))

    @property
    def order(self) -> str:
        """``RGB`` or ``BGR`` if means or shares tell the order of the input's channels."""
        weights = self.pixels.weights
        if weights.shape[1] != len(_BRIGHTNESS):
            return ""
        if len(weights) == 1:
            share = weights[0] / (weights[0].sum() or 1.0)
            return _order(share, _BRIGHTNESS[None])
        if not self.one_each or len(weights) != len(_BRIGHTNESS):
            return ""
        # The value of each of the input's channels that becomes zero.
        zero = np.zeros(len(_BRIGHTNESS))
        for row, shift in zip(weights, self.shift, strict=True):
            channel = int(np.flatnonzero(row)[0])
            zero[channel] = -shift / row[channel]
        return _order(zero, _MEANS) or _order(zero / 255.0, _MEANS)

    def range(self, low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Range of each channel that inputs of [low, high] for each channel are mapped to."""
        return mapped(self.pixels.weights, self.shift, low, high)

    def span(self, low: float, high: float) -> float:
        """Width of the range that [low, high] is mapped to."""
        return float(np.max(np.abs(self.scale)) * (high - low))


def mapped(
    weights: NDArray[Any], shift: NDArray[Any], low: NDArray[Any], high: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Range of ``weights @ x + shift`` where each x lies within [low, high]."""
    centre, half = weights @ ((low + high) / 2) + shift, np.abs(weights) @ ((high - low) / 2)
    return centre - half, centre + half


def find_normalisation(graph: Graph, image: ImageInput) -> InnerNormalisation | None:
    """Follow the input to the first operator that is no preprocessing.

    Returns
    -------
    InnerNormalisation or None
        ``None`` if nothing on the way says anything about the values of the input.
    """
    flow = follow(graph, image)
    last = flow.pixels[flow.last]
    return InnerNormalisation(last) if last.nodes or last.limits else None


def _order(found: NDArray[Any], known: NDArray[Any]) -> str:
    for name, wanted in (("RGB", known), ("BGR", known[:, ::-1])):
        if np.any(np.all(np.abs(found - wanted) < _CLOSE, axis=1)):
            return name
    return ""


def affine_step(
    graph: Graph, node: Node, tensor: str
) -> tuple[NDArray[Any], NDArray[Any] | float] | None:
    """Scale and shift by which `node` makes its output of `tensor`, if that is all it does."""
    others = [i for i in node.inputs if i and i != tensor]
    if not all(graph.is_constant(i) for i in others):
        return None
    if node.op_type == "BatchNormalization":
        if node.attributes.get("spatial", 1) != 1:
            return None
        gamma, beta, mean, variance = (graph.constant(i).astype(np.float64) for i in others)
        factor = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        return factor, beta - mean * factor
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(others) != 1:
        return None
    value = graph.constant(others[0]).astype(np.float64).reshape(-1)
    if value.size > 4 or (node.op_type in ("Sub", "Div") and node.inputs[0] != tensor):
        return None
    one = np.ones(1)
    table: dict[str, tuple[NDArray[Any], NDArray[Any] | float]]
    table = {"Add": (one, value), "Sub": (one, -value), "Mul": (value, 0.0)}
    return table[node.op_type] if node.op_type in table else (1.0 / value, 0.0)
