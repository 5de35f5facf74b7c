"""How strongly every filter of an opened model answers to a picture; see `network.filters`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnxplain.model.model import Model
from onnxplain.network.filters import FeatureLayer, filter_layers, responses

__all__ = ["FeatureLayer", "batch_size", "feature_layers", "responses"]

# Bytes of activations that one batch may take.
_MEMORY = 256e6


def feature_layers(model: Model, names: Sequence[str] | None = None) -> list[FeatureLayer]:
    """Layers of a model whose filters are candidates; see `filter_layers`."""
    return filter_layers(model.network, names)


def batch_size(model: Model, layers: Sequence[FeatureLayer]) -> int:
    """Pictures whose activations at all layers fit into the memory set aside for them."""
    floats = sum(int(np.prod(model.network.shapes[layer.name])) for layer in layers)
    return max(1, min(model.network.batch_size, int(_MEMORY / (4 * max(floats, 1)))))
