"""Element types: the only place that maps ONNX types to PyTorch types."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn

from onnxplain.convert.function import Function, unsupported
from onnxplain.errors import ConversionError
from onnxplain.graph.view import Node

_TORCH_TYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT16: torch.uint16,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.UINT32: torch.uint32,
    TensorProto.UINT64: torch.uint64,
    TensorProto.BFLOAT16: torch.bfloat16,
}


def torch_type(node: Node, code: int) -> torch.dtype:
    """PyTorch element type for the ONNX code that `node` asks for."""
    if code not in _TORCH_TYPES:
        raise unsupported(node, f"element type {TensorProto.DataType.Name(code)}")
    return _TORCH_TYPES[code]


def to_tensor(name: str, array: NDArray[Any], *, widen: bool = False) -> Tensor:
    """Share an initializer's memory with a tensor, which nothing may write to.

    Parameters
    ----------
    name : str
        Tensor name, for the message.
    array : ndarray
        Value; the element types of ``ml_dtypes`` are understood too.
    widen : bool
        Make int8 of 4-bit integers, for readers that only take the values.

    Returns
    -------
    Tensor

    Raises
    ------
    ConversionError
        If PyTorch has no such element type.
    """
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    if widen and array.dtype.name in ("int4", "uint4"):
        return torch.from_numpy(array.astype(np.int8))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable", category=UserWarning)
            return torch.from_numpy(np.asarray(array, order="C"))
    except TypeError as error:
        raise ConversionError(
            f"constant {name!r} has element type {array.dtype}, which PyTorch lacks"
        ) from error


class Cast(nn.Module):
    """Cast to the element type of a buffer, so that ``.double()`` casts to float64 too."""

    like: Tensor

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("like", torch.zeros((), dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Cast `x`."""
        return x.to(self.like.dtype)


def cast(node: Node) -> nn.Module:
    """Cast, opset 6 to 25."""
    return Cast(torch_type(node, node.attributes["to"]))


def cast_like(node: Node) -> nn.Module:
    """CastLike: to the element type of the second input."""
    return Function(lambda x, like: x.to(like.dtype))


def bit_cast(node: Node) -> nn.Module:
    """BitCast: the same bits read as another element type of the same size."""
    dtype = torch_type(node, node.attributes["to"])

    def apply(x: Tensor) -> Tensor:
        if x.dtype.itemsize != dtype.itemsize:
            raise ValueError(f"the bits of {x.dtype} do not fit {dtype}")
        return x.view(dtype)

    return Function(apply)
