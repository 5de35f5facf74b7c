"""Parts of graphs: what has to run again when one tensor changes, and what a cut leaves."""

import numpy as np
import onnx
import pytest
from handmade import model
from onnx.reference import ReferenceEvaluator

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.extract import cut_at, declare, find_downstream, find_part, part_model
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import TensorInfo

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
    part = find_downstream(graph, "b", ["scores"])
    assert [n.op_type for n in part.nodes] == ["Add", "GlobalAveragePool", "Reshape", "MatMul"]
    assert set(part.entering) == {"b", "a", "t"}
    assert part.constants == {"w"}


def test_nothing_stands_beside_a_tensor_that_everything_passes(graph):
    assert set(find_downstream(graph, "c", ["scores"]).entering) == {"c", "t"}
    assert find_downstream(graph, "image", ["b"]).entering == ("image",)


def test_large_weights_are_not_copied(graph):
    part = find_downstream(graph, "a", ["b"])
    given = [declare("a", np.float32, [None] * 4)]
    proto, weights = part_model(graph, part, given, ["b"])
    assert weights["k"] is graph.constant("k")
    assert len(proto.SerializeToString()) < 1000 < weights["k"].nbytes
    assert proto.graph.initializer[0].data_location == onnx.TensorProto.EXTERNAL
    assert not graph.model.graph.initializer[0].HasField("data_location")


def test_what_does_not_depend_on_the_tensor_is_refused(graph):
    with pytest.raises(MethodRefusedError, match="'a' is not computed from layer 'b'"):
        find_downstream(graph, "b", ["a"])


def test_branches_are_refused(rng):
    body = """
        a = Relu(image) m = ReduceMax<keepdims = 0>(a) z = Greater(m, zero)
        y = If (z) <then_branch = yes () => (float[N,3,6,6] o) { o = Neg(a) },
                    else_branch = no () => (float[N,3,6,6] q) { q = Abs(a) }>
        p = GlobalAveragePool(y) scores = Flatten(p)
    """
    graph = prepare(model(body, zero=np.zeros(()), opset=17))
    with pytest.raises(MethodRefusedError, match=r"If .*contains another graph"):
        find_downstream(graph, "a", ["scores"])
    assert find_downstream(graph, "y", ["scores"]).entering == ("y",)


def slow_part(graph, wanted, given):
    """Nodes that compute `wanted`, by trying for each whether a path leads there."""

    def leads(node):
        outputs = [o for o in node.outputs if o not in given]
        readers = [n for o in outputs for n in graph.nodes if o in n.reads]
        return any(o in wanted for o in outputs) or any(map(leads, readers))

    return [n.index for n in graph.nodes if leads(n)]


@pytest.mark.parametrize("given", [(), ("a",), ("b",), ("c", "s"), ("p", "t"), ("a", "b", "n")])
@pytest.mark.parametrize("wanted", [("scores",), ("c",), ("b", "n")])
def test_a_part_is_what_leads_to_the_wanted_tensors(graph, wanted, given):
    given = tuple(n for n in given if n not in wanted)
    part = find_part(graph, wanted, given)
    assert [n.index for n in part.nodes] == slow_part(graph, wanted, given)
    inside = {o for n in part.nodes for o in n.outputs}
    read = {i for n in part.nodes for i in n.reads} - inside
    assert read == {*part.entering, *part.constants}
    assert set(part.constants) <= set(graph.constant_names)


def test_what_a_body_captures_belongs_to_the_part(rng):
    body = """
        a = Relu(image) m = ReduceMax<keepdims = 0>(a) z = Greater(m, zero)
        y = If (z) <then_branch = yes () => (float[N,3,6,6] o) { o = Neg(a) },
                    else_branch = no () => (float[N,3,6,6] q) { q = Mul(a, k) }>
        p = GlobalAveragePool(y) scores = Flatten(p)
    """
    graph = prepare(model(body, zero=np.zeros(()), k=rng.normal(size=(3, 6, 6)), opset=17))
    part = find_part(graph, ["y"], ["z"])
    assert [n.op_type for n in part.nodes] == ["Relu", "If"]
    assert set(part.entering) == {"image", "z"}
    assert part.constants == {"k"}


def start(name, shape=("N", 3, 40, 40)):
    return TensorInfo(name, np.dtype(np.float32), shape)


def test_a_cut_graph_computes_the_same(rng):
    body = "a = Relu(image) b = Mul(a, a) p = GlobalAveragePool(b) f = Flatten(p) "
    proto = model(body + "scores = MatMul(f, w)", w=rng.normal(size=(3, 4)))
    whole = prepare(proto)
    cut = cut_at(whole, start("a", ("N", 3, 6, 6)), "scores")
    onnx.checker.check_model(cut.model)
    assert [i.name for i in cut.inputs] == ["a"]
    assert [n.op_type for n in cut.nodes] == [n.op_type for n in whole.nodes[1:]]
    x = rng.normal(size=(2, 3, 6, 6)).astype(np.float32)
    expected = ReferenceEvaluator(whole.model).run(None, {"image": x})[0]
    got = ReferenceEvaluator(cut.model).run(None, {"a": np.maximum(x, 0)})[0]
    np.testing.assert_array_equal(got, expected)


def test_a_cut_beside_which_the_picture_passes_is_refused(graph):
    with pytest.raises(MethodRefusedError, match=r"past tensor 'b': Relu .*reads what comes"):
        cut_at(graph, start("b"), "scores")
