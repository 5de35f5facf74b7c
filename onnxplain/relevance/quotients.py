"""Difference quotients that become derivatives where nothing changes."""

from __future__ import annotations

import torch
from torch import Tensor

# Differences below this many units of rounding say nothing.
_UNITS = 10


def difference_quotient(
    y: Tensor, y_base: Tensor, x: Tensor, x_base: Tensor, slope: Tensor
) -> Tensor:
    """(y - y') / (x - x'), or `slope` where x and x' are the same up to rounding.

    Parameters
    ----------
    y, y_base : Tensor
        Values of an elementwise function.
    x, x_base : Tensor
        Where they were taken.
    slope : Tensor
        Its derivative at `x`.
    """
    delta = x - x_base
    changed = delta.abs() > _UNITS * torch.finfo(x.dtype).eps * (1 + x.abs())
    return torch.where(changed, (y - y_base) / torch.where(changed, delta, 1.0), slope)
