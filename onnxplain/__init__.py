"""Explain what a deployed ONNX image classifier saw."""

__version__ = "0.1.0"
