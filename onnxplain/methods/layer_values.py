"""Feature maps of a layer, for methods that change them and run the rest again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import require_known_scale, scale_and_zero
from onnxplain.network.context import Context

# What every method needs that changes a layer.
NEEDS = Capability.FORWARD | Capability.ACTIVATIONS


@dataclass(frozen=True)
class LayerValues:
    """A layer with its values, in its own numbers and in those that they stand for.

    Attributes
    ----------
    spatial : SpatialLayer
        The layer.
    own : (N, ...) array
        As the network computes them: whole numbers, if the tensor is quantised.
    scale, zero : float
        A number q of `own` stands for ``(q - zero) * scale``.
    """

    spatial: SpatialLayer
    own: NDArray[Any]
    scale: float
    zero: float

    def maps(self, n: int) -> NDArray[np.float64]:
        """Feature maps of input `n`, (1, C, h, w)."""
        return (
            self.spatial.to_maps(self.own[n : n + 1]).astype(np.float64) - self.zero
        ) * self.scale

    def with_maps(self, n: int, maps: NDArray[Any]) -> NDArray[Any]:
        """Values of input `n`, in the numbers of the layer, with other feature maps.

        Parameters
        ----------
        n : int
            Index of the input.
        maps : (M, C, h, w) array
            What they stand for; rounded to the nearest number that a quantised tensor holds.

        Returns
        -------
        (M, ...) array
        """
        numbers = maps / self.scale + self.zero
        if self.scale != 1.0 or self.own.dtype.kind in "iu":
            numbers = np.round(numbers)
        return self.spatial.with_maps(self.own[n : n + 1], numbers.astype(self.own.dtype))


def layer_values(context: Context, x: NDArray[Any], layer: str | None) -> LayerValues:
    """Return a layer and its values for inputs `x`.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or it holds whole numbers of unknown meaning.
    """
    spatial = context.network.layer(layer)
    values = context.engine(NEEDS).activations(x, [spatial.name])[spatial.name]
    graph = context.network.graph
    require_known_scale(graph, spatial.name, values.dtype)
    scale, zero = scale_and_zero(graph, spatial.name)
    return LayerValues(spatial, values, scale, zero)
