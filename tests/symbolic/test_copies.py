"""A second forward pass on other inputs, with the same weights."""

import numpy as np
import onnx
from onnx.helper import make_empty_tensor_value_info
from onnx.helper import make_node as node

from onnxplain.graph.view import Graph
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import copy_forward
from tests.convert.forms import noise
from tests.convert.oracle import expected, make_model


def test_a_copy_computes_the_same_of_another_input():
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])]
    x, other, w = noise(2, 3), noise(2, 3, seed=1), noise(3, 4, seed=2)
    model = make_model(nodes, {"x": x, "other": other}, ["y"], {"w": w})
    graph = Graph(model)
    build = Builder([*graph.tensor_names(), "w"], ["w"], 17)
    names = copy_forward(graph, build, ["y"], {"x": "other"})
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.node.extend(build.nodes)
    whole.graph.output.append(make_empty_tensor_value_info(names["y"]))
    found = expected(whole, {"x": x, "other": other})
    np.testing.assert_allclose(found[names["y"]], np.maximum(other @ w, 0), rtol=1e-6)
    np.testing.assert_allclose(found["y"], np.maximum(x @ w, 0), rtol=1e-6)
    assert len(whole.graph.initializer) == 1
