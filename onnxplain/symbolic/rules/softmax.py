"""Softmax and LogSoftmax along one axis."""

from __future__ import annotations

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule


@rule("Softmax")
def softmax(at: Back) -> list[str]:
    """Y (g - sum of g y)."""
    axis = at.get("axis", -1) % at.rank()
    product = at("Mul", at.slope, at.y)
    return [at("Sub", product, at("Mul", at.y, at.sum(product, [axis])))]


@rule("LogSoftmax")
def log_softmax(at: Back) -> list[str]:
    """G - softmax times the sum of g."""
    axis = at.get("axis", -1) % at.rank()
    return [at("Sub", at.slope, at("Mul", at("Exp", at.y), at.sum(at.slope, [axis])))]
