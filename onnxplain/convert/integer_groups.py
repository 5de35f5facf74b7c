"""Nodes of a quantised graph that round as ONNX Runtime's integer operators do.

The tensors of the file remain: such a node takes and returns floating-point numbers. They are
those that the file describes but for the few which QuantizeLinear after it would round to
another integer than ONNX Runtime's kernel does; these become that integer's number. The
derivative is that of the floating operator. A float64 program computes exact mathematics.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onnxplain.convert import integer_kernels as kernels
from onnxplain.convert.integer_kernels import Quantised
from onnxplain.graph.integer_groups import Grid, IntegerGroup
from onnxplain.graph.view import Node

# As near to a tie as steps of up to 255 can be without being rounded to it.
_NEARLY_HALF = 0.4999
Kernel = Callable[..., Tensor]


def integer_module(node: Node, group: IntegerGroup, plain: nn.Module) -> nn.Module:
    """Return a module that computes `plain`, rounded as the integers of `group` are.

    Parameters
    ----------
    node : Node
        The node inside the group.
    group : IntegerGroup
        Its scales and zero points.
    plain : torch.nn.Module
        The node in floating-point numbers.
    """
    if node.op_type in ("Conv", "MatMul", "Gemm"):
        return IntegerSums(node, group, plain)
    return IntegerElements(group, plain, _kernel(node))


def _kernel(node: Node) -> Kernel:
    if node.op_type == "Softmax":
        axis = node.attributes.get("axis", -1)
        return lambda x, *result: kernels.softmax(x, axis, *result)
    found: dict[str, Kernel] = {
        "Add": kernels.added,
        "Mul": kernels.multiplied,
        "GlobalAveragePool": kernels.averaged,
    }
    return found[node.op_type]


class IntegerElements(nn.Module):
    """Sum, product, mean or softmax of dequantised tensors.

    Parameters
    ----------
    group : IntegerGroup
        With a grid of the result.
    plain : torch.nn.Module
        The operator in floating-point numbers.
    kernel : callable
        Takes `Quantised` operands, scale and zero point of the result.
    """

    def __init__(self, group: IntegerGroup, plain: nn.Module, kernel: Kernel) -> None:
        super().__init__()
        assert group.result is not None
        self.plain, self.kernel = plain, kernel
        for k, grid in enumerate((*group.operands, group.result)):
            _register(self, f"{k}", grid)
        self.register_buffer("result", _steps(group.result))

    def forward(self, *operands: Tensor) -> Tensor:
        """Compute the floating result, whose rounding is that of the kernel."""
        y: Tensor = self.plain(*operands)
        if y.dtype != torch.float32:
            return y
        *scales, y_scale = (self.get_buffer(f"scale_{k}") for k in range(len(operands) + 1))
        *zeros, y_zero = (self.get_buffer(f"zero_{k}") for k in range(len(operands) + 1))
        with torch.no_grad():
            known = [
                Quantised(kernels.whole(x / scale) + zero, scale, zero)
                for x, scale, zero in zip(operands, scales, zeros, strict=True)
            ]
            whole = torch.round(self.kernel(*known, y_scale, y_zero)) - y_zero
        return _rounding_to(y, whole, self.get_buffer("result"))


class IntegerSums(nn.Module):
    """Conv, MatMul or Gemm of dequantised tensors: sums of integers, scaled once.

    Parameters
    ----------
    node : Node
        The node.
    group : IntegerGroup
        Its scales and zero points.
    plain : torch.nn.Module
        The operator in floating-point numbers.
    """

    result: Tensor | None

    def __init__(self, node: Node, group: IntegerGroup, plain: nn.Module) -> None:
        super().__init__()
        self.plain = plain
        x, w = group.operands
        self.largest = float(_steps(x)[1:].abs().max())
        self.transposed = node.op_type == "Gemm" and bool(node.attributes.get("transB", 0))
        self.convolves = node.op_type == "Conv"
        _register(self, "x", x)
        _register(self, "w", w)
        self.register_buffer("result", _steps(group.result) if group.result else None)

    def forward(self, x: Tensor, w: Tensor, c: Tensor | None = None) -> Tensor:
        """Sum exactly, then multiply by one float32 factor."""
        if x.dtype != torch.float32:
            return self.plain(x, w) if c is None else self.plain(x, w, c)
        x_scale, w_scale = self.get_buffer("scale_x"), self.get_buffer("scale_w")
        left, right = kernels.whole(x / x_scale), kernels.whole(w / self._shaped(w_scale, w))
        dtype = kernels.summing_type(right, self._summed_axes(w), self.largest)
        operands = [left.to(dtype), right.to(dtype)]
        if c is not None:
            # A bias counts in steps of both scales.
            operands.append(torch.round(c.double() / (x_scale * w_scale).double()).to(dtype))
        sums = self.plain(*operands).float()
        if self.convolves:
            w_scale = w_scale.reshape(-1, *[1] * (sums.dim() - 2))
        if self.result is None:
            return sums * (x_scale * w_scale)
        y_scale = self.result[0]
        steps = sums * (x_scale * w_scale / y_scale)
        return _rounding_to(steps * y_scale, torch.round(steps.detach()), self.result)

    def _shaped(self, scale: Tensor, w: Tensor) -> Tensor:
        if self.convolves or self.transposed:
            return scale.reshape(-1, *[1] * (w.dim() - 1))
        return scale

    def _summed_axes(self, w: Tensor) -> list[int]:
        if self.convolves or self.transposed:
            return list(range(1, w.dim()))
        return [max(w.dim() - 2, 0)]


def _rounding_to(y: Tensor, whole: Tensor, grid: Tensor) -> Tensor:
    """Return `y`, moved just far enough where it would be rounded to another integer.

    Parameters
    ----------
    y : Tensor
        The floating result.
    whole : Tensor
        What it is to be rounded to, without the zero point.
    grid : (3,) Tensor
        Scale; lowest and highest integer, without the zero point.
    """
    scale, low, high = grid
    with torch.no_grad():
        steps = y / scale
        other = torch.round(steps).clamp(low, high) != whole.clamp(low, high)
        moved = (whole + (steps - whole).clamp(-_NEARLY_HALF, _NEARLY_HALF)) * scale
        change = torch.where(other, moved - y, 0.0)
    return y + change


def _register(module: nn.Module, name: str, grid: Grid) -> None:
    module.register_buffer(f"scale_{name}", _tensor(grid.scale))
    module.register_buffer(f"zero_{name}", _tensor(grid.zero))


def _tensor(values: NDArray[np.generic]) -> Tensor:
    tensor = torch.from_numpy(values.astype(np.float32))
    return tensor.reshape(()) if tensor.numel() == 1 else tensor


def _steps(grid: Grid) -> Tensor:
    """Scale, and the lowest and the highest integer without the zero point."""
    info = np.iinfo(grid.zero.dtype)
    zero = int(grid.zero[0])
    return torch.tensor([float(grid.scale[0]), info.min - zero, info.max - zero])
