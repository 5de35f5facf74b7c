"""What a Slice takes, against ONNX's own reference."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.slices import slice_parts
from onnxplain.graph.view import Graph
from tests.graph.written import graph, model

LISTS = {
    "s": np.array([1, -1]),
    "e": np.array([2**62, 0]),
    "a": np.array([-1, 0]),
    "t": np.array([2, -1]),
}


@pytest.mark.parametrize("body", ["s, e", "s, e, a", "s, e, a, t", "s, e, , t"])
def test_the_parts_take_what_the_operator_takes(body):
    proto = model(f"y = Slice(x, {body})", "float[3,4] x", "float[?,?] y", **LISTS)
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = x
    parsed = Graph(proto)
    for axis, start, end, step in slice_parts(parsed, parsed.nodes[0]):
        index = [slice(None)] * 2
        index[axis] = slice(start, end, step)
        found = found[tuple(index)]
    (expected,) = ReferenceEvaluator(proto).run(None, {"x": x})
    assert np.array_equal(found, expected)


def test_attributes_of_old_files():
    node = onnx.helper.make_node("Slice", ["x"], ["y"], starts=[1], ends=[3], axes=[2])
    old = Graph(onnx.ModelProto(graph=onnx.GraphProto(node=[node])))
    assert slice_parts(old, old.nodes[0]) == [(2, 1, 3, 1)]


def test_what_the_file_does_not_fix():
    made = graph("y = Slice(x, n, e)", "float[3,4] x, int64[2] n", e=LISTS["e"])
    assert slice_parts(made, made.nodes[0]) is None
    known = {"n": np.array([0, 1])}
    assert slice_parts(made, made.nodes[0], known) == [(0, 0, 2**62, 1), (1, 1, 0, 1)]
    uneven = graph("y = Slice(x, s, e)", "float[3,4] x", s=[1], e=[1, 2])
    assert slice_parts(uneven, uneven.nodes[0]) is None
