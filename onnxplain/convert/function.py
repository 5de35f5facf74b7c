"""The two small pieces that every converter is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from onnxplain.errors import ConversionError
from onnxplain.graph.view import Node


class Function(nn.Module):
    """A module that calls a pure function of its inputs.

    Parameters
    ----------
    function : callable
        Called positionally with the input tensors, ``None`` for an absent one.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor | None) -> Any:
        """Return what the function returns."""
        return self.function(*inputs)

    def extra_repr(self) -> str:
        """Name the function in ``repr``."""
        return getattr(self.function, "__qualname__", "")


def integers(tensor: Tensor) -> list[int]:
    """Values of a shape-like tensor as Python integers, in row-major order."""
    return [int(v) for v in tensor.reshape(-1).tolist()]


def unsupported(node: Node, what: str) -> ConversionError:
    """Error for a form of an operator that no converter covers."""
    return ConversionError(f"{node}: {what} is not supported")
