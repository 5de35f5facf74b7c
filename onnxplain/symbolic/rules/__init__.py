"""Rules by kind of operator; importing this package registers all of them."""

from onnxplain.symbolic.registry import RULES
from onnxplain.symbolic.rules import (
    activations,
    convolution,
    elementwise,
    indexing,
    joins,
    normalisation,
    pooling,
    products,
    quantised,
    reductions,
    resize,
    scattering,
    shape,
    softmax,
)

__all__ = [
    "RULES",
    "activations",
    "convolution",
    "elementwise",
    "indexing",
    "joins",
    "normalisation",
    "pooling",
    "products",
    "quantised",
    "reductions",
    "resize",
    "scattering",
    "shape",
    "softmax",
]
