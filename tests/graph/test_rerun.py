"""What has to run again when one tensor changes."""

import numpy as np
import onnx
import pytest
from handmade import model

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.prepare import prepare
from onnxplain.graph.rerun import as_model, find_behind

SHORTCUT = """
    a = Relu(image) b = Conv<pads = [1,1,1,1]>(a, k) c = Add(a, b)
    p = GlobalAveragePool(c) s = Shape(image) n = Slice(s, zero, one, zero)
    t = Concat<axis = 0>(n, minus) f = Reshape(p, t) scores = MatMul(f, w)
"""


@pytest.fixture
def graph(rng):
    constants = {"zero": [0], "one": [1], "minus": [-1]}
    weights = {"k": rng.normal(size=(3, 3, 20, 20)), "w": rng.normal(size=(3, 4))}
    weights |= {n: np.array(v, np.int64) for n, v in constants.items()}
    return prepare(model(SHORTCUT, weights, image="float[N,3,40,40] image"))


def test_nodes_sides_and_constants(graph):
    part = find_behind(graph, "b", ["scores"])
    assert [n.op_type for n in part.nodes] == ["Add", "GlobalAveragePool", "Reshape", "MatMul"]
    assert set(part.sides) == {"a", "t"}
    assert part.constants == {"w"}


def test_nothing_stands_beside_a_tensor_that_everything_passes(graph):
    assert find_behind(graph, "c", ["scores"]).sides == ("t",)
    assert find_behind(graph, "image", ["b"]).sides == ()


def test_large_weights_are_not_copied(graph):
    given = {"a": np.zeros((1, 3, 40, 40), np.float32)}
    part = find_behind(graph, "a", ["b"])
    proto, weights = as_model(graph, part, given)
    assert weights["k"] is graph.constant("k")
    assert len(proto.SerializeToString()) < 1000 < weights["k"].nbytes
    assert proto.graph.initializer[0].data_location == onnx.TensorProto.EXTERNAL
    assert not graph.model.graph.initializer[0].HasField("data_location")


def test_what_does_not_depend_on_the_tensor_is_refused(graph):
    with pytest.raises(MethodRefusedError, match="'a' is not computed from layer 'b'"):
        find_behind(graph, "b", ["a"])


def test_branches_are_refused(rng):
    body = """
        a = Relu(image) m = ReduceMax<keepdims = 0>(a) z = Greater(m, zero)
        y = If (z) <then_branch = yes () => (float[N,3,6,6] o) { o = Neg(a) },
                    else_branch = no () => (float[N,3,6,6] q) { q = Abs(a) }>
        p = GlobalAveragePool(y) scores = Flatten(p)
    """
    graph = prepare(model(body, zero=np.zeros(()), opset=17))
    with pytest.raises(MethodRefusedError, match=r"If .*graph of its own"):
        find_behind(graph, "a", ["scores"])
    assert find_behind(graph, "y", ["scores"]).sides == ()
