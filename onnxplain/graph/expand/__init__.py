"""Fused and integer operators written out in standard ones, on floating-point numbers."""

from onnxplain.graph.expand.expand import expand

__all__ = ["expand"]
