"""Our converters are in onnx2torch's registry only while a conversion runs."""

import numpy as np
import pytest
from onnx.helper import make_node as node

from onnxplain.convert import to_torch
from onnxplain.convert.coverage import Operator
from onnxplain.convert.light_import import import_onnx2torch
from onnxplain.convert.registry import installed
from onnxplain.graph.view import Graph
from tests.convert.oracle import make_model

import_onnx2torch()

import onnx2torch  # noqa: E402
from onnx2torch.node_converters import registry  # noqa: E402

X = np.zeros((1, 3, 4, 4), np.float32)


def key(op_type, version):
    return registry.OperationDescription("", op_type, version)


def snapshot():
    return dict(registry._CONVERTER_REGISTRY)


def test_the_registry_is_as_before_after_a_conversion():
    before = snapshot()
    nodes = [node("Gelu", ["x"], ["a"]), node("Cos", ["a"], ["b"])]
    to_torch(Graph(make_model(nodes, {"x": X}, ["b"], opset=22)))
    assert snapshot() == before


def test_the_registry_is_as_before_after_a_failure():
    before = snapshot()

    def interrupted():
        with installed({Operator("", "Relu", 14): lambda node, graph: None}, {}):
            assert snapshot() != before
            raise KeyError("interrupted")

    with pytest.raises(KeyError, match="interrupted"):
        interrupted()
    assert snapshot() == before


def test_ours_and_aliases_are_there_meanwhile():
    def mine(node, graph):
        raise AssertionError("only looked up")

    alias = {Operator("", "Cos", 22): Operator("", "Cos", 7)}
    with installed({Operator("", "Relu", 14): mine}, alias):
        assert registry.get_converter("Relu", 14) is mine
        assert registry.get_converter("Cos", 22) is snapshot()[key("Cos", 7)]
    assert key("Cos", 22) not in snapshot()


def test_other_users_of_onnx2torch_see_no_difference():
    weight = np.ones((2, 3, 1, 1), np.float32)
    model = make_model([node("Conv", ["x", "w"], ["y"])], {"x": X}, ["y"], {"w": weight}, 13)
    model.graph.output[0].type.tensor_type.elem_type = 1
    to_torch(Graph(model))
    modules = [type(m).__name__ for m in onnx2torch.convert(model).modules()]
    assert "Conv2d" in modules
