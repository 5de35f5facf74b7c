"""The engine in which views of features carry signals back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnxplain.errors import UsageError
from onnxplain.network.network import Network

if TYPE_CHECKING:
    from onnxplain.adapters.torch import TorchAdapter


def projecting_engine(network: Network) -> TorchAdapter:
    """PyTorch; opening it converts the graph.

    Raises
    ------
    UsageError
        If the model was opened with ONNX Runtime as the engine for gradients.
    """
    if network.gradients_by == "onnxruntime":
        raise UsageError(
            "views of features carry signals back in PyTorch; choose --engine auto or --engine "
            "pytorch"
        )
    return network.torch
