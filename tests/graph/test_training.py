"""Batch normalisation that was exported in training mode."""

import pytest

from onnxplain.graph.training import described, training_nodes, trains
from tests.graph.written import graph

REST = "x, g, b, m, v"
MODES = {
    "inference": f"y = BatchNormalization({REST})",
    "training": f"y, n, o = BatchNormalization<training_mode = 1>({REST})",
    "old inference": f"y = BatchNormalization({REST})",
    "old training": f"y, n, o, p, q = BatchNormalization({REST})",
}


@pytest.mark.parametrize("mode", MODES)
def test_the_mode(mode):
    (node,) = graph(MODES[mode], opset=9 if "old" in mode else 17).nodes
    assert trains(node) == ("training" in mode)
    assert (" in training mode" in described(node)) == ("training" in mode)
    assert described(node).endswith("(tensor 'y')")


def test_another_operator_with_that_attribute_does_not_count():
    (node,) = graph("y = Foo<training_mode = 1>(x)").nodes
    assert not trains(node)


def test_only_those_that_a_tensor_is_computed_from():
    body = f"a = Relu(x) {MODES['training']} z = Relu(y) w = Relu(a)"
    made = graph(body, outputs="float z, float w")
    assert [n.output for n in training_nodes(made, ["z"])] == ["y"]
    assert training_nodes(made, ["w", "a"]) == []
    assert [n.output for n in training_nodes(made, ["w", "z"])] == ["y"]
