"""Methods as plain functions; importing this package registers all of them."""

from onnxplain.methods import cam, gradients, integrated_gradients, lrp, occlusion
from onnxplain.methods.registry import Method, find, registered

__all__ = [
    "Method",
    "cam",
    "find",
    "gradients",
    "integrated_gradients",
    "lrp",
    "occlusion",
    "registered",
]
