"""Whether tensors of a file have as many values as their shapes say."""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
from onnx import TensorProto

from onnxplain.errors import ModelFileError
from onnxplain.graph.ir import ir

_COMPLEX = frozenset({TensorProto.COMPLEX64, TensorProto.COMPLEX128})
_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


def check_sizes(tensors: Iterable[onnx.TensorProto], where: str) -> None:
    """Check tensors whose values are in the model itself.

    Parameters
    ----------
    tensors : iterable of onnx.TensorProto
        All of them; those in other files have been read or are left alone.
    where : str
        The file, for the message.

    Raises
    ------
    ModelFileError
        If one has more or fewer values than its shape takes, or lies in segments.
    """
    for tensor in tensors:
        if tensor.HasField("segment"):
            raise ModelFileError(f"{where!r}: tensor {tensor.name!r} lies in segments")
        if tensor.data_location == TensorProto.EXTERNAL:
            continue
        if any(d < 0 for d in tensor.dims):
            raise ModelFileError(
                f"{where!r}: tensor {tensor.name!r} has the shape {list(tensor.dims)}"
            )
        if tensor.HasField("raw_data"):
            _check_bytes(tensor, where)
        elif tensor.data_type != TensorProto.STRING:
            _check_values(tensor, where)


def _check_bytes(tensor: onnx.TensorProto, where: str) -> None:
    bits = _bits(tensor)
    wanted = None if bits is None else -(-math.prod(tensor.dims) * bits // 8)
    if wanted is not None and len(tensor.raw_data) != wanted:
        raise ModelFileError(
            f"{where!r}: tensor {tensor.name!r} has {len(tensor.raw_data):,} bytes of values, but "
            f"its type and shape {list(tensor.dims)} take {wanted:,}"
        )


def _check_values(tensor: onnx.TensorProto, where: str) -> None:
    bits, count = _bits(tensor), sum(len(getattr(tensor, f)) for f in _FIELDS)
    if bits is None:
        return
    wanted = math.prod(tensor.dims)
    if tensor.data_type in _COMPLEX:
        wanted *= 2
    elif bits < 8:  # several in one number
        wanted = -(-wanted * bits // 8)
    if count != wanted:
        raise ModelFileError(
            f"{where!r}: tensor {tensor.name!r} has {count:,} values, but its shape "
            f"{list(tensor.dims)} takes {wanted:,}"
        )


def _bits(tensor: onnx.TensorProto) -> int | None:
    """Bits of one value; ``None`` for texts, and for types that are not known."""
    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        return None
    try:
        return ir.DataType(tensor.data_type).bitwidth
    except (ValueError, TypeError):
        return None
