"""Import onnx2torch, also beside a torchvision that does not fit the installed PyTorch.

onnx2torch imports torchvision for two operators, which have converters of their own here.
A torchvision built for CUDA beside
a PyTorch built for the CPU raises ``operator torchvision::nms does not exist`` on import,
which would make every conversion impossible.
"""

from __future__ import annotations

import importlib
import sys

import torch

from onnxplain.errors import ConversionError

# A library whose object is collected takes its definitions with it.
_library: torch.library.Library | None = None


def import_onnx2torch() -> None:
    """Import onnx2torch.

    Raises
    ------
    ConversionError
        If onnx2torch cannot be imported.
    """
    global _library
    try:
        importlib.import_module("onnx2torch")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise ConversionError(f"onnx2torch cannot be imported: {error}") from error
        _forget("torchvision", "onnx2torch")
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library = library
        importlib.import_module("onnx2torch")
    except ImportError as error:
        raise ConversionError(
            f"onnx2torch cannot be imported ({error}); install it with: pip install onnx2torch"
        ) from error


def _forget(*packages: str) -> None:
    """Drop half-imported modules, so that the next import starts afresh."""
    for name in list(sys.modules):
        if name.split(".")[0] in packages:
            del sys.modules[name]
