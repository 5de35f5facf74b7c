"""Methods as plain functions; importing this package registers all of them."""

from onnxplain.methods import (
    attn_lrp,
    cam,
    clear,
    deep_taylor,
    deeplift,
    eigen_cam,
    expected_gradients,
    grad_cam,
    gradients,
    guided,
    integrated_gradients,
    lrp,
    occlusion,
    place_cams,
    rise,
    smoothgrad,
)
from onnxplain.methods.registry import Method, find, registered

__all__ = [
    "Method",
    "attn_lrp",
    "cam",
    "clear",
    "deep_taylor",
    "deeplift",
    "eigen_cam",
    "expected_gradients",
    "find",
    "grad_cam",
    "gradients",
    "guided",
    "integrated_gradients",
    "lrp",
    "occlusion",
    "place_cams",
    "registered",
    "rise",
    "smoothgrad",
]
