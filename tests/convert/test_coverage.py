"""Which operators convert, in the version that a graph selects."""

import numpy as np
import onnx
import pytest
from handmade import model

from onnxplain.convert.coverage import (
    Operator,
    count_missing,
    is_covered,
    missing_operators,
    operator_of,
    stock_version,
    target_of,
)
from onnxplain.graph.prepare import prepare

MISSING = """
    s = SequenceConstruct(image) i = Constant<value_int: int = 0>() z = SequenceAt(s, i)
    t = SequenceConstruct(z) y = SequenceAt(t, i) f = Flatten(y) scores = MatMul(f, w)
"""
W = np.ones((108, 2))


def test_names_of_operators():
    assert str(Operator("", "Relu", 14)) == "Relu-14"
    assert str(Operator("com.microsoft", "Gelu", 1)) == "com.microsoft::Gelu-1"


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
def test_the_version_is_that_of_the_schema(opset):
    graph = prepare(model("f = Flatten(image) scores = MatMul(f, w)", opset=opset, w=W))
    for node in graph.nodes:
        wanted = onnx.defs.get_schema(node.op_type, opset).since_version
        assert operator_of(node, graph) == Operator("", node.op_type, wanted)


def test_missing_operators_are_counted_with_their_first_tensor():
    graph = prepare(model(MISSING, w=W))
    found = {str(operator): (count, first) for operator, count, first in count_missing(graph)}
    assert found["SequenceAt-11"] == (2, "z")
    assert missing_operators(graph) == sorted(found)
    assert missing_operators(prepare(model("scores = Flatten(image)"))) == []


def test_bodies_count():
    body = """
        s = ReduceSum<keepdims = 0>(image) p = Greater(s, zero)
        y = If(p) <
            then_branch = yes () => (float[N,3,6,6] t) {
                q = SequenceConstruct(image) i = Constant<value_int: int = 0>()
                t = SequenceAt(q, i)
            },
            else_branch = no () => (float[N,3,6,6] e) { e = Neg(image) }
        > f = Flatten(y) scores = MatMul(f, w)
    """
    graph = prepare(model(body, w=W, zero=np.array(0.0)))
    assert "SequenceAt-11" in missing_operators(graph)


def test_an_operator_without_any_converter_has_neither_target_nor_stock():
    for operator in (Operator("", "SequenceAt", 11), Operator("acme", "Relu", 1)):
        assert target_of(operator) is None
        assert stock_version(operator) is None
        assert not is_covered(operator)
    assert is_covered(Operator("", "Relu", 14))
    assert "." in target_of(Operator("com.microsoft", "Gelu", 1))
