"""A tensor that still holds the picture: each of its channels is a sum of the input's channels.

``values = weights @ pixels + shift`` at every place, so that channels that the graph swaps,
adds up to grey, scales and shifts can be told from what a network does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.view import Node

BATCH, CHANNELS, ROWS, COLUMNS, OTHER = "N", "C", "H", "W", "-"
PLACES = (ROWS, COLUMNS)


@dataclass(frozen=True)
class Limits:
    """Where the graph keeps values within a range, or was told their mean and deviation.

    Attributes
    ----------
    kind : {"clipped", "quantised", "whitened"}
        Clipped to a range; rounded within one that quantisation measured; or shifted and
        scaled by mean and variance that training measured.
    weights, shift : float array
        What the input is there, as in `Pixels`; of whitened values after that.
    low, high : float
        The range.
    tensor : str
        Where.
    """

    kind: Literal["clipped", "quantised", "whitened"]
    weights: NDArray[Any]
    shift: NDArray[Any]
    tensor: str
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True, eq=False)
class Pixels:
    """The picture as a tensor holds it.

    Attributes
    ----------
    weights : (K, C) array
        Share of each of the C channels of the input in each of the tensor's K channels.
    shift : (K,) array
        What is added.
    roles : tuple of str
        What each axis of the tensor is: ``N``, ``C``, ``H``, ``W`` or something else, ``-``.
    nodes : tuple of Node
        Those on the way that calculate.
    limits : tuple of Limits
        What is known of the values on the way.
    free : frozenset of {"shift", "scale"}
        What does not matter, because each picture's own mean is subtracted, or its own
        deviation divides it.
    mean_picture : bool
        Whether a mean was subtracted that differs from place to place.
    rounded : bool
        Whether the tensor holds whole numbers that stand for the values.
    """

    weights: NDArray[Any]
    shift: NDArray[Any]
    roles: tuple[str, ...]
    nodes: tuple[Node, ...] = ()
    limits: tuple[Limits, ...] = ()
    free: frozenset[str] = frozenset()
    mean_picture: bool = False
    rounded: bool = False

    @classmethod
    def of_input(cls, layout: str, channels: int) -> Pixels:
        """Make those of the input itself."""
        return cls(np.eye(channels), np.zeros(channels), tuple(layout))

    @property
    def count(self) -> int:
        """How many channels the tensor has."""
        return len(self.shift)

    @property
    def finite(self) -> bool:
        """Whether weights and shift are numbers."""
        return bool(np.isfinite(self.weights).all() and np.isfinite(self.shift).all())

    def laid_out(self, *roles: str) -> Pixels:
        """Give the axes other roles."""
        return replace(self, roles=roles)

    def rows(self, chosen: Any) -> Pixels:
        """Take some of the channels, chosen as numpy chooses."""
        return replace(self, weights=self.weights[chosen], shift=self.shift[chosen])

    def mixed(self, matrix: NDArray[Any], bias: NDArray[Any] | float, node: Node) -> Pixels:
        """Multiply the channels with a matrix, and add something."""
        weights, shift = matrix @ self.weights, matrix @ self.shift + bias
        return replace(self, weights=weights, shift=shift, nodes=(*self.nodes, node))

    def scaled(self, factor: NDArray[Any], shift: NDArray[Any] | float, node: Node) -> Pixels:
        """Multiply and shift channel by channel; one channel may become several."""
        count = max(self.count, np.size(factor), np.size(shift))
        spread = self.rows(np.zeros(count, int)) if self.count == 1 else self
        return spread.mixed(np.diag(np.broadcast_to(factor, count)), shift, node)

    def freed(self, what: str, node: Node) -> Pixels:
        """Note that shift or scale of the input no longer matters."""
        shift = np.zeros_like(self.shift) if what == "shift" else self.shift
        return replace(self, shift=shift, free=self.free | {what}, nodes=(*self.nodes, node))

    def plus(self, other: Pixels, sign: float, node: Node) -> Pixels | None:
        """Add another tensor of the same picture, place by place."""
        if self.roles != other.roles or 1 != min(self.count, other.count) != max(
            self.count, other.count
        ):
            return None
        return replace(
            self,
            weights=self.weights + sign * other.weights,
            shift=self.shift + sign * other.shift,
            nodes=tuple(dict.fromkeys((*self.nodes, *other.nodes, node))),
            limits=self._shared_limits(other),
        )

    def beside(self, other: Pixels) -> Pixels:
        """Stack the channels of another one after these."""
        return replace(
            self,
            weights=np.concatenate([self.weights, other.weights]),
            shift=np.concatenate([self.shift, other.shift]),
            nodes=tuple(dict.fromkeys((*self.nodes, *other.nodes))),
            limits=self._shared_limits(other),
        )

    def _shared_limits(self, other: Pixels) -> tuple[Limits, ...]:
        known = {limit.tensor for limit in self.limits}
        return (*self.limits, *(limit for limit in other.limits if limit.tensor not in known))
