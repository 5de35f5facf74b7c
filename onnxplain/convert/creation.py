"""Operators that make tensors from shapes and scalars."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onnxplain.convert.cast import to_tensor, torch_type
from onnxplain.convert.function import Function, integers, unsupported
from onnxplain.graph.view import Node


class Constant(nn.Module):
    """A value of the file that is also a result, so that preparation leaves it in place."""

    value: Tensor

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        super().__init__()
        self.register_buffer("value", to_tensor(name, array))

    def forward(self) -> Tensor:
        """Return it."""
        return self.value


_NUMBERS = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}


def constant(node: Node) -> nn.Module:
    """Constant, opset 1 to 25."""
    ((form, value),) = node.attributes.items()
    if form == "value":
        return Constant(node.output, onnx.numpy_helper.to_array(value))
    if form not in _NUMBERS:
        raise unsupported(node, f"a constant in the form {form}")
    return Constant(node.output, np.array(value, _NUMBERS[form]))


class ConstantOfShape(nn.Module):
    """One value repeated; a buffer, so that it follows the program's type and device."""

    value: Tensor

    def __init__(self, node: Node) -> None:
        super().__init__()
        value = torch.zeros(())
        if "value" in node.attributes:
            array = onnx.numpy_helper.to_array(node.attributes["value"])
            value = to_tensor(node.output, array).reshape(())
        self.register_buffer("value", value)

    def forward(self, shape: Tensor) -> Tensor:
        """Repeat the value to `shape`."""
        return self.value.expand(integers(shape))


def constant_of_shape(node: Node) -> nn.Module:
    """ConstantOfShape, opset 9 to 25."""
    return ConstantOfShape(node)


def range_(node: Node) -> nn.Module:
    """Range: from start to before limit, in the element type of the inputs."""

    def apply(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
        values = torch.arange(start.item(), limit.item(), delta.item(), device=start.device)
        return values.to(start.dtype)

    return Function(apply)


class EyeLike(nn.Module):
    """Ones on a diagonal; floating types follow ``.double()``."""

    like: Tensor | None

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.k: int = node.attributes.get("k", 0)
        code = node.attributes.get("dtype")
        like = None if code is None else torch.zeros((), dtype=torch_type(node, code))
        self.register_buffer("like", like)

    def forward(self, x: Tensor) -> Tensor:
        """Make a matrix of the shape of `x`."""
        rows, columns = (torch.arange(n, device=x.device) for n in x.shape)
        diagonal = rows.unsqueeze(-1) + self.k == columns
        return diagonal.to(x.dtype if self.like is None else self.like.dtype)


def eye_like(node: Node) -> nn.Module:
    """EyeLike, opset 9 to 22."""
    return EyeLike(node)


def one_hot(node: Node) -> nn.Module:
    """OneHot: negative indices count from the end, others out of range give no one."""
    axis = node.attributes.get("axis", -1)

    def apply(indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
        length = integers(depth)[0]
        positions = indices.long()
        positions = torch.where(positions < 0, positions + length, positions)
        hot = positions.unsqueeze(-1) == torch.arange(length, device=indices.device)
        off, on = values.unbind()
        return torch.where(hot, on, off).movedim(-1, axis)

    return Function(apply)


def triangle(node: Node) -> nn.Module:
    """Trilu: the upper or lower triangle, from diagonal ``k``."""
    function = torch.triu if node.attributes.get("upper", 1) else torch.tril

    def apply(x: Tensor, k: Tensor | None = None) -> Tensor:
        return function(x, 0 if k is None else integers(k)[0])

    return Function(apply)
