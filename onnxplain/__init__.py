"""Explain the predictions of a deployed ONNX image model.

Nothing heavy is imported before it is needed: names are looked up on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnxplain import errors, methods
    from onnxplain.explanations.explanation import Explanation
    from onnxplain.inputs.preprocess import Preprocess
    from onnxplain.model.load import explain, explain_all, load
    from onnxplain.model.model import Model
    from onnxplain.targets.target import Target

__version__ = "0.1.0"

_HOME = {
    "Explanation": ("onnxplain.explanations.explanation", "Explanation"),
    "Model": ("onnxplain.model.model", "Model"),
    "Preprocess": ("onnxplain.inputs.preprocess", "Preprocess"),
    "Target": ("onnxplain.targets.target", "Target"),
    "errors": ("onnxplain.errors", ""),
    "explain": ("onnxplain.model.load", "explain"),
    "explain_all": ("onnxplain.model.load", "explain_all"),
    "load": ("onnxplain.model.load", "load"),
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
