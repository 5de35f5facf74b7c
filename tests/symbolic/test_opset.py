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


@pytest.mark.parametrize(
    ("opset", "operator", "mode", "scale"),
    [
        (8, "Upsample", "linear", 2.0),
        (9, "Upsample", "linear", 2.0),
        (9, "Upsample", "nearest", 2.0),
        (10, "Resize", "linear", 1.5),
        (10, "Resize", "nearest", 1.5),
        (10, "Resize", "nearest", 0.6),
    ],
)
def test_an_old_resize_takes_the_elements_that_it_took(opset, operator, mode, scale):
    scales = [1.0, 1.0, scale, scale]
    inputs, given = (["x"], {"scales": scales}) if opset < 9 else (["x", "s"], {})
    constants = {} if opset < 9 else {"s": np.array(scales, np.float32)}
    feeds = {"x": noise(1, 2, 5, 6)}
    nodes = [node(operator, inputs, ["y"], mode=mode, **given)]
    model = make_model(nodes, feeds, ["y"], constants, opset=opset)
    newer = with_recent_opset(Graph(model))
    np.testing.assert_allclose(
        expected(newer.model, feeds)["y"], expected(model, feeds)["y"], rtol=1e-6
    )
