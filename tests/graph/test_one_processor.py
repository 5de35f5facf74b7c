"""Files in the layouts of one processor are told by their operators."""

import onnx
import pytest
from onnx import TensorProto, helper

from onnxplain.graph.one_processor import ADVICE, advice_for
from onnxplain.graph.view import Graph


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("", ""),
        ("com.microsoft", ""),
        ("com.microsoft.nchwc", f"; {ADVICE}"),
        ("com.ms.internal.nhwc", f"; {ADVICE}"),
    ],
)
def test_by_the_domain_of_any_operator(domain, said):
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xy")
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["y"], domain=domain),
    ]
    w = helper.make_tensor("w", TensorProto.FLOAT, [3, 3, 1, 1], [0.0] * 9)
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y], [w]))
    assert isinstance(model, onnx.ModelProto)
    assert advice_for(Graph(model)) == said
