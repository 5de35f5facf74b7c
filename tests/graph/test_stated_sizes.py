"""Tensors with more or fewer values than their shapes say are refused by name."""

import numpy as np
import pytest
from onnx import TensorProto
from onnx.helper import make_tensor
from onnx.numpy_helper import from_array

from onnxplain.errors import ModelFileError
from onnxplain.graph.stated_sizes import check_sizes

KINDS = (np.float32, np.float16, np.float64, np.int8, np.int64, np.uint16, np.bool_, np.complex64)
TYPES = (
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT4,
    TensorProto.UINT4, TensorProto.INT8, TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE,
    TensorProto.FLOAT8E4M3FN, TensorProto.COMPLEX64, TensorProto.BOOL,
)  # fmt: skip


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0, 4)])
@pytest.mark.parametrize("kind", KINDS)
def test_bytes(kind, shape):
    tensor = from_array(np.ones(shape, kind), "t")
    check_sizes([tensor], "file")
    tensor.raw_data += b"\0"
    with pytest.raises(ModelFileError, match=r"'t' has .* bytes"):
        check_sizes([tensor], "file")


@pytest.mark.parametrize("kind", TYPES)
def test_values_one_by_one(kind):
    tensor = make_tensor("t", kind, [5], [1, 0, 1, 1, 0])
    check_sizes([tensor], "file")
    tensor.dims[0] = 99
    with pytest.raises(ModelFileError, match=r"'t' has .* values"):
        check_sizes([tensor], "file")


def test_texts_and_unknown_types_are_left_to_the_checker():
    check_sizes([make_tensor("t", TensorProto.STRING, [1], [b"a"])], "file")
    check_sizes([TensorProto(name="t", data_type=99, raw_data=b"abc")], "file")


def test_a_length_below_zero_and_segments():
    with pytest.raises(ModelFileError, match=r"\[-1, 3\]"):
        check_sizes([TensorProto(name="t", data_type=1, dims=[-1, 3])], "file")
    tensor = from_array(np.ones(2), "t")
    tensor.segment.begin = 0
    with pytest.raises(ModelFileError, match="segments"):
        check_sizes([tensor], "file")
