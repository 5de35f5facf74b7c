"""Arithmetic in unsigned types that PyTorch stores but does not compute in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Operators that PyTorch lacks in these types, and that give the same bits in int64.
WIDENED = frozenset(
    "Add BitShift BitwiseNot Div Greater GreaterOrEqual Less LessOrEqual "
    "Max Min Mod Mul Sub".split()
)
_UNSIGNED = frozenset((torch.uint16, torch.uint32, torch.uint64))


class Widened(nn.Module):
    """Run a module in int64 where its operands are uint16, uint32 or uint64.

    Parameters
    ----------
    module : torch.nn.Module
        Any other operand reaches it as it is.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        """Compute, and return the operands' type unless the result is a comparison."""
        dtype = inputs[0].dtype
        if dtype not in _UNSIGNED:
            return self.module(*inputs)
        wide = [x.to(torch.int64) for x in inputs]
        if dtype == torch.uint64 and any(bool((x < 0).any()) for x in wide):
            raise ValueError("uint64 values of 2**63 and more are not supported")
        result = self.module(*wide)
        return result.to(dtype) if result.dtype == torch.int64 else result
