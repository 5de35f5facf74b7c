"""One node of a converted graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onnxplain.errors import ConversionError
from onnxplain.graph.view import Node


@dataclass(frozen=True)
class Step:
    """One node of the graph with the module that computes it.

    Attributes
    ----------
    node : Node
        The node.
    module : torch.nn.Module
        Called positionally with the tensors named in `inputs`.
    inputs : tuple of str
        Tensor names; ``None`` is passed for an empty one; trailing absent ones are dropped.
    outputs : tuple of str
        Tensor names; if there are several, the module returns a tuple of at least as many.
    rounded : torch.nn.Module, optional
        Computes the same from the values of the graph, rounded as ONNX Runtime rounds; other
        weights, which relevance rules have, are for `module`.
    """

    node: Node
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rounded: nn.Module | None = None

    def run(self, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Compute the outputs from the values of all tensors so far.

        Raises
        ------
        ConversionError
            If PyTorch cannot compute the node; the message names it.
        """
        module = self.rounded or self.module
        try:
            result = module(*(values[name] if name else None for name in self.inputs))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ConversionError(f"PyTorch cannot compute {self.node}: {reason[0]}") from error
        return result if isinstance(result, tuple) else (result,)
