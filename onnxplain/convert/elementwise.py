"""Element by element arithmetic that onnx2torch lacks, or gives another element type."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn

from onnxplain.convert.function import Function
from onnxplain.graph.view import Node

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "Acosh": torch.acosh,
    "Asinh": torch.asinh,
    "Atanh": torch.atanh,
    "BitwiseNot": torch.bitwise_not,
    "Cosh": torch.cosh,
    "Det": torch.linalg.det,
    "IsNaN": torch.isnan,
    "Sinh": torch.sinh,
}
_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}
_EXTREMUM = {"Max": torch.maximum, "Min": torch.minimum}


def unary(node: Node) -> nn.Module:
    """Functions of one tensor that PyTorch has under nearly the same name."""
    return Function(_UNARY[node.op_type])


def binary(node: Node) -> nn.Module:
    """Functions of two tensors that PyTorch has under nearly the same name."""
    return Function(_BINARY[node.op_type])


def extremum(node: Node) -> nn.Module:
    """Max and Min of one or more tensors, broadcast; equal values share the gradient."""
    function = _EXTREMUM[node.op_type]
    return Function(lambda *tensors: reduce(function, tensors))


def power(node: Node) -> nn.Module:
    """Pow: the result has the element type of the base."""
    return Function(lambda x, exponent: torch.pow(x, exponent).to(x.dtype))


def modulo(node: Node) -> nn.Module:
    """Mod: sign of the divisor, or with ``fmod=1`` sign of the dividend."""
    return Function(torch.fmod if node.attributes.get("fmod", 0) else torch.remainder)


def bit_shift(node: Node) -> nn.Module:
    """BitShift to the left or to the right."""
    left = node.attributes["direction"] == "LEFT"
    return Function(torch.bitwise_left_shift if left else torch.bitwise_right_shift)


def is_infinite(node: Node) -> nn.Module:
    """IsInf: either sign can be switched off."""
    positive = bool(node.attributes.get("detect_positive", 1))
    negative = bool(node.attributes.get("detect_negative", 1))

    def detect(x: Tensor) -> Tensor:
        return (torch.isposinf(x) & positive) | (torch.isneginf(x) & negative)

    return Function(detect)
