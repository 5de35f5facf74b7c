"""Networks whose weights are the same on every processor.

What PyTorch draws from a normal distribution in float32, and the statistics that BatchNorm takes
from a batch in float32, differ in their last bits from one instruction set to the next. Numbers
that are stored for such a network then belong to one processor. Here both are computed in float64
and rounded to float32 once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def drawn_in_float64(seed: int = 0) -> Iterator[None]:
    """Seed PyTorch's generator; what is made inside is in float64."""
    before = torch.get_default_dtype()
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def made(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Call `make` with the generator seeded, and return its network in float64."""
    with drawn_in_float64(seed):
        return make()


def smooth_pictures(count: int, side: int) -> Tensor:
    """Draw pictures (count, 3, side, side) in [-1, 1] whose neighbouring pixels are alike."""
    coarse = torch.rand(count, 3, side // 4, side // 4, dtype=torch.float64) * 2 - 1
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


def calibrated(net: nn.Module, x: Tensor) -> nn.Module:
    """Let BatchNorm average over the batch `x` in float64; return `net` rounded to float32."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average over what is seen below
    with torch.no_grad():
        net.double().train()(x.double())
    return net.eval().float()
