"""Import torchvision, also one that does not fit the installed PyTorch.

A torchvision built for CUDA beside a PyTorch built for the CPU raises ``operator torchvision::nms
does not exist`` on import, although nobody asked for that operator.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

# A library whose object is collected takes its definitions with it.
_library: torch.library.Library | None = None


def import_torchvision() -> ModuleType:
    """Import torchvision; operators that it lacks are declared, without an implementation.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    global _library
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        forget("torchvision")
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library = library
        return importlib.import_module("torchvision")


def forget(*packages: str) -> None:
    """Drop half-imported modules, so that the next import starts afresh."""
    for name in list(sys.modules):
        if name.split(".")[0] in packages:
            del sys.modules[name]
