"""Files that ONNX Runtime optimised hold operators of its own in the standard's domain."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.helper import make_node as node

from onnxplain.convert import to_torch
from onnxplain.errors import ModelFileError
from onnxplain.graph.load import read_model
from onnxplain.graph.prepare import prepare
from tests.convert.forms import noise, positive
from tests.convert.oracle import converted, expected, make_model


def normalising(op_type, opset):
    feeds = {"x": noise(2, 3, 8)}
    made = node(op_type, ["x", "w"], ["y"], axis=-1, epsilon=1e-5)
    model = make_model([made], feeds, ["y"], {"w": positive(8)}, opset)
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", 1, [2, 3, 8]))
    return model, feeds


@pytest.mark.parametrize(
    ("op_type", "opset"), [("SimplifiedLayerNormalization", 17), ("LayerNormalization", 13)]
)
def test_an_operator_that_onnx_runtime_adds_to_the_standard_is_read_and_right(
    op_type, opset, tmp_path
):
    model, feeds = normalising(op_type, opset)
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "model.onnx")
    read, _ = read_model(tmp_path / "model.onnx")
    assert read.graph.node[0].domain == ""
    to_torch(prepare(read))
    np.testing.assert_allclose(
        converted(read, feeds)["y"], expected(model, feeds)["y"], rtol=1e-4, atol=1e-5
    )


def test_another_unknown_operator_of_the_standard_is_refused(tmp_path):
    model, _ = normalising("UnheardNormalization", 17)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelFileError, match="UnheardNormalization"):
        read_model(tmp_path / "model.onnx")


def test_a_damaged_file_with_such_an_operator_is_refused_too(tmp_path):
    model, _ = normalising("SimplifiedLayerNormalization", 17)
    model.graph.node[0].input[0] = "nowhere"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelFileError, match="nowhere"):
        read_model(tmp_path / "model.onnx")


def test_a_file_that_onnx_runtime_wrote_is_read(tmp_path):
    feeds = {"x": noise(2, 8)}
    nodes = [
        node("Pow", ["x", "two"], ["square"]),
        node("ReduceMean", ["square"], ["mean"], axes=[-1]),
        node("Add", ["mean", "epsilon"], ["more"]),
        node("Sqrt", ["more"], ["root"]),
        node("Div", ["x", "root"], ["scaled"]),
        node("Mul", ["scaled", "w"], ["y"]),
    ]
    constants = {
        "two": np.array(2, np.float32),
        "epsilon": np.array(1e-5, np.float32),
        "w": positive(8),
    }
    model = make_model(nodes, feeds, ["y"], constants)
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", 1, [2, 8]))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    read, _ = read_model(tmp_path / "optimised.onnx")
    assert [n.op_type for n in read.graph.node] == ["SimplifiedLayerNormalization"]


def test_a_file_that_forgets_to_declare_the_domain_of_onnx_runtime_is_read_as_it_runs(tmp_path):
    feeds = {"x": noise(2, 8)}
    made = node("Gelu", ["x"], ["y"], domain="com.microsoft")
    model = make_model([made], feeds, ["y"])
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", 1, [2, 8]))
    wanted = expected(model, feeds)["y"]
    onnx.save(model, tmp_path / "model.onnx")
    read, _ = read_model(tmp_path / "model.onnx")
    np.testing.assert_allclose(converted(read, feeds)["y"], wanted, rtol=1e-4, atol=1e-5)
