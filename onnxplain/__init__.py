"""Explain what a deployed ONNX image classifier saw.

Nothing heavy is imported before it is needed: names are looked up on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnxplain import errors, methods
    from onnxplain.api import explain, explain_all, load
    from onnxplain.explanation import Explanation
    from onnxplain.model import Model
    from onnxplain.preprocess import Preprocess
    from onnxplain.target import Target

__version__ = "0.1.0"

_HOME = {
    "Explanation": ("onnxplain.explanation", "Explanation"),
    "Model": ("onnxplain.model", "Model"),
    "Preprocess": ("onnxplain.preprocess", "Preprocess"),
    "Target": ("onnxplain.target", "Target"),
    "errors": ("onnxplain.errors", ""),
    "explain": ("onnxplain.api", "explain"),
    "explain_all": ("onnxplain.api", "explain_all"),
    "load": ("onnxplain.api", "load"),
    "methods": ("onnxplain.methods", ""),
}

__all__ = [
    "Explanation",
    "Model",
    "Preprocess",
    "Target",
    "errors",
    "explain",
    "explain_all",
    "load",
    "methods",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'onnxplain' has no attribute {name!r}")
    module, attribute = _HOME[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
