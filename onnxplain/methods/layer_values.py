"""Feature maps of a layer, for methods that change them and run the rest again."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.layers import SpatialLayer
from onnxplain.subject import Subject

# What every method needs that changes a layer.
NEEDS = Capability.FORWARD | Capability.ACTIVATIONS


def layer_values(
    subject: Subject, x: NDArray[Any], layer: str | None
) -> tuple[SpatialLayer, NDArray[Any]]:
    """Return a layer and its values for inputs `x`, as the network computes them.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or it holds quantised numbers.
    """
    place = subject.network.layer(layer)
    values = subject.engine(NEEDS).activations(x, [place.name])[place.name]
    if values.dtype.kind != "f":
        raise MethodRefusedError(
            f"layer {place.name!r} holds {values.dtype} numbers, in which zero has another "
            "meaning; name the layer behind its DequantizeLinear with --layer"
        )
    return place, values
