"""Small graphs that fall into parts."""

from __future__ import annotations

import numpy as np
from handmade import IMAGE, model

from onnxplain.graph.prepare import prepare
from onnxplain.graph.sections import Sections
from onnxplain.network.network import Network


def sections(body: str, *, image: str = IMAGE, **weights: np.ndarray) -> Sections:
    """Sections of a body that ends in tensor t, and of the graph after it."""
    proto = model(body + " scores = GlobalAveragePool(t)", weights, image=image)
    network = Network(prepare(proto), device="cpu")
    return Sections(network.graph, network.shapes, network.image, ["scores"])
