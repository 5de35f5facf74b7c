"""Types in words."""

import onnx
import pytest
from onnx import TensorProto, helper

from onnxplain.graph.type_text import type_text

FLOATS = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
MAP = helper.make_map_type_proto(TensorProto.STRING, FLOATS)


@pytest.mark.parametrize(
    ("proto", "text"),
    [
        (FLOATS, "float32"),
        (helper.make_tensor_type_proto(TensorProto.STRING, None), "string"),
        (helper.make_tensor_type_proto(TensorProto.BFLOAT16, None), "bfloat16"),
        (MAP, "map(string, float32)"),
        (helper.make_sequence_type_proto(MAP), "sequence(map(string, float32))"),
        (helper.make_optional_type_proto(FLOATS), "optional(float32)"),
        (helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [1]), "sparse_tensor"),
        (onnx.TypeProto(), "unknown type"),
        (helper.make_tensor_type_proto(0, None), "unknown type"),
        (onnx.TypeProto(tensor_type=onnx.TypeProto.Tensor(elem_type=999)), "unknown type"),
    ],
)
def test_every_kind_of_type(proto, text):
    assert type_text(proto) == text
