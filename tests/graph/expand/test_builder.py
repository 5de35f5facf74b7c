"""Nodes that stand for another one, run as ONNX's reference runs them."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.expand.builder import Builder, CannotExpandError, attributes_of
from tests.graph.written import graph

MADE = graph(
    "y = com.microsoft.Thing<a = 1, b = 2>(x, w, , c)",
    "float[2,3] x, float c",
    w=np.ones((2, 3), np.float32),
)


def test_what_is_built_can_be_run():
    b = Builder(MADE, MADE.nodes[0])
    doubled = b.add("Mul", "x", b.number(2.0))
    b.add("Transpose", b.add("Add", doubled, b.constant(b.read("w"))), output="y", perm=[1, 0])
    info = onnx.helper.make_tensor_value_info
    built = onnx.helper.make_graph(
        b.nodes, "g", [info("x", 1, [2, 3])], [info("y", 1, [3, 2])], b.initializers
    )
    proto = onnx.helper.make_model(built)
    onnx.checker.check_model(proto)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    (found,) = ReferenceEvaluator(proto).run(None, {"x": x})
    assert np.array_equal(found, (2 * x + 1).T)
    # Names of new tensors cannot meet those of another node that is written out.
    assert all(n.output[0].startswith("y") for n in b.nodes)
    assert b.replaced == {0}


def test_operands():
    b = Builder(MADE, MADE.nodes[0])
    assert [b.optional(k) for k in range(5)] == ["x", "w", "", "c", ""]
    with pytest.raises(CannotExpandError):
        b.read("c")
    assert attributes_of(MADE.nodes[0], "a") == {"b": 2}
