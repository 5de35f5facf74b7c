"""Old files are brought to the opset in which derivatives are written."""

import numpy as np
import pytest
from onnx.helper import make_node as node

from onnxplain.graph.view import Graph
from onnxplain.symbolic.opset import OLDEST, with_recent_opset
from tests.convert.forms import noise
from tests.convert.oracle import expected, make_model


@pytest.mark.parametrize("opset", [11, 13, 15])
def test_an_old_graph_says_the_same_under_the_same_names(opset):
    nodes = [node("Relu", ["x"], ["a"]), node("Softmax", ["a"], ["y"], axis=1)]
    feeds = {"x": noise(2, 5)}
    model = make_model(nodes, feeds, ["y"], opset=opset)
    newer = with_recent_opset(Graph(model))
    assert newer.opsets[""] == OLDEST
    assert {"a", "y"} <= set(newer.tensor_names())
    for name, value in expected(model, feeds).items():
        np.testing.assert_array_equal(expected(newer.model, feeds)[name], value)


def test_a_recent_graph_is_left_alone():
    graph = Graph(make_model([node("Relu", ["x"], ["y"])], {"x": noise(2)}, ["y"], opset=17))
    assert with_recent_opset(graph) is graph
