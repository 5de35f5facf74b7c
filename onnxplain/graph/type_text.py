"""Types of the ONNX format in words."""

from __future__ import annotations

import numpy as np
import onnx


def type_text(proto: onnx.TypeProto) -> str:
    """Write a type down, such as ``"sequence(map(string, float32))"``."""
    kind = proto.WhichOneof("value") or "unknown type"
    if kind == "tensor_type":
        return _element(proto.tensor_type.elem_type)
    name = kind.removesuffix("_type")
    if kind == "map_type":
        key = _element(proto.map_type.key_type)
        return f"{name}({key}, {type_text(proto.map_type.value_type)})"
    if kind in ("sequence_type", "optional_type"):
        return f"{name}({type_text(getattr(proto, kind).elem_type)})"
    return name


def _element(code: int) -> str:
    if code == onnx.TensorProto.STRING:
        return "string"
    if not code or code not in onnx.TensorProto.DataType.values():
        return "unknown type"
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)).name
