"""Models parted from their large weights, and put together again."""

import numpy as np
import onnx
import pytest

from onnxplain.graph import light
from tests.graph.written import model

LARGE = np.arange(2000, dtype=np.float32).reshape(40, 50)


def made():
    proto = model(
        "y = Gemm(x, w, b)", "float[1,40] x", "float[1,50] y", w=LARGE, b=np.zeros(50, np.float32)
    )
    proto.metadata_props.add(key="names", value="a")
    return proto


def test_sizes():
    assert light.weights_size(made()) == 4 * 2050
    assert [t.name for t in light.large_weights(made())] == ["w"]
    assert light.is_plain(onnx.TensorProto.UINT8)
    assert not light.is_plain(onnx.TensorProto.STRING)
    assert not light.is_plain(onnx.TensorProto.BOOL)


def test_small_models_stay_whole():
    proto = made()
    assert light.take_out(proto) == (proto, {})


def test_large_weights_go_and_come_back(monkeypatch):
    monkeypatch.setattr(light, "LARGE", 1000)
    proto = made()
    before = proto.SerializeToString()
    small, weights = light.take_out(proto)
    assert proto.SerializeToString() == before
    assert list(weights) == ["w"]
    assert np.array_equal(weights["w"], LARGE)
    assert small.ByteSize() < 1000
    (outside,) = (t for t in small.graph.initializer if t.name == "w")
    assert outside.data_location == onnx.TensorProto.EXTERNAL
    assert tuple(outside.dims) == LARGE.shape
    assert small.metadata_props[0].value == "a"
    whole = light.filled_in(small, weights)
    assert np.array_equal(onnx.numpy_helper.to_array(whole.graph.initializer[0]), LARGE)


def test_as_inputs_all_but_the_values_can_be_checked():
    declared = light.declared_as_inputs(made())
    assert [i.name for i in declared.graph.input] == ["x", "w"]
    assert [t.name for t in declared.graph.initializer] == ["b"]
    onnx.checker.check_model(declared, full_check=True)
    declared.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 41
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.checker.check_model(declared, full_check=True)
