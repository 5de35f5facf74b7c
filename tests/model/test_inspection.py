"""What is said about a model file, and which methods it allows."""

import json

import onnx
import pytest
from onnx import TensorProto, helper

import onnxplain
from onnxplain.errors import ModelFileError
from onnxplain.model.inspection import inspect_file, inspect_model, quantisation
from tests.small_models import write_model


def test_file_facts():
    facts = inspect_file("models/digits-gap.onnx")
    proto = onnx.load("models/digits-gap.onnx")
    assert facts.name == "digits-gap.onnx"
    assert facts.producer.startswith("pytorch")
    assert facts.opsets == {"ai.onnx": 17}
    assert facts.ir_version == proto.ir_version
    assert facts.parameters == sum(
        onnx.numpy_helper.to_array(t).size
        for t in proto.graph.initializer
        if onnx.numpy_helper.to_array(t).dtype.kind == "f"
    )
    assert sum(facts.operators.values()) == len(proto.graph.node)
    assert list(facts.operators.values()) == sorted(facts.operators.values(), reverse=True)
    assert facts.quantisation == "none"
    record = facts.to_dict()
    assert record["inputs"][0]["shape"][1:] == [1, 8, 8]
    json.dumps(record)


def test_weights_in_constant_nodes_are_counted(tmp_path):
    body = "k = Constant<value: tensor = float[2] {1.0, 2.0}>() f = Flatten(x) y = MatMul(f, w)"
    assert inspect_file(write_model(tmp_path / "m.onnx", body)).parameters == 48 + 2


def test_initializers_that_are_inputs_are_no_inputs(tmp_path):
    path = write_model(tmp_path / "m.onnx", image="float[N,1,4,4] x, float[16,3] w")
    assert [t.name for t in inspect_file(path).inputs] == ["x"]


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (["Conv"], "none"),
        (["QuantizeLinear", "DequantizeLinear", "Conv"], "QDQ"),
        (["DequantizeLinear", "Conv"], "weights only"),
        (["QuantizeLinear", "QLinearConv", "DequantizeLinear"], "QOperator"),
        (["DynamicQuantizeLinear", "ConvInteger"], "dynamic"),
        (["QLinearConv", "DynamicQuantizeLinear", "MatMulInteger"], "QOperator+dynamic"),
        (["MatMulNBits"], "weights only"),
    ],
)
def test_quantisation_is_told_by_the_operators(operators, expected):
    nodes = [helper.make_node(op, ["a"], [f"b{k}"]) for k, op in enumerate(operators)]
    assert quantisation(helper.make_model(helper.make_graph(nodes, "g", [], []))) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(TensorProto.FLOAT16, "float16"), (TensorProto.BFLOAT16, "bfloat16")],
)
def test_half_precision_is_told_by_most_weights(kind, expected):
    weights = [
        helper.make_tensor("w", kind, [8], [0.0] * 8),
        helper.make_tensor("scale", TensorProto.FLOAT, [2], [0.0] * 2),
        helper.make_tensor("shape", TensorProto.INT64, [20], [0] * 20),
    ]
    graph = helper.make_graph([], "g", [], [], initializer=weights)
    assert quantisation(helper.make_model(graph)) == expected


def test_the_int8_twin_is_qdq():
    assert inspect_file("models/efficientnet-lite0-int8.onnx").quantisation == "QDQ"


def test_not_a_model_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelFileError):
        inspect_file(tmp_path / "m.onnx")


def test_model_facts():
    found = inspect_model(onnxplain.load("models/fashion-cnn.onnx"))
    assert found["input"]["layout"] == "NHWC"
    assert found["input"]["size"] == [28, 28]
    assert found["output"]["task"] == "classes"
    assert found["output"]["evidence"] == "a Softmax over 10 classes"
    assert found["output"]["probabilities"]
    assert found["output"]["doubt"] == ""
    assert found["output"]["outputs"] == [
        {"name": found["output"]["name"], "task": "classes",
         "evidence": "a Softmax over 10 classes", "shape": [10]}
    ]  # fmt: skip
    assert found["output"]["logits"] != found["output"]["name"]
    assert found["output"]["classes"] == found["labels"] == 10
    assert found["sources"]["preprocess"] == "fashion-cnn.preprocess.json"
    assert found["layers"][0]["grid"] == [7, 7]
    assert found["cam_head"] == {"found": True, "reason": ""}
    assert found["warnings"] == []
    json.dumps(found)


def test_guesses_are_reported(tmp_path):
    found = inspect_model(onnxplain.load(write_model(tmp_path / "m.onnx")))
    assert found["sources"]["preprocess"].startswith("a guess")
    assert any("guessed" in warning for warning in found["warnings"])
