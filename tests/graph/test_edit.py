"""Edited copies of a graph: the copy changes, the original does not."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import UsageError
from onnxplain.graph.edit import with_constants, with_mask_inputs
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

W = np.random.default_rng(0).normal(size=(108, 4)).astype(np.float32)


@pytest.fixture
def graph():
    return prepare(model("f = Flatten(image) scores = MatMul(f, w)", w=W))


def test_the_copy_has_the_new_constant_and_the_original_keeps_its_own(graph):
    changed = with_constants(graph, {"w": -W})
    np.testing.assert_array_equal(changed.constant("w"), -W)
    np.testing.assert_array_equal(graph.constant("w"), W)
    np.testing.assert_array_equal(prepare(graph.model).constant("w"), W)
    assert [str(n) for n in changed.nodes] == [str(n) for n in graph.nodes]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"f": W}, "'f' is not a constant"),
        ({"w": W[:2]}, r"is float32 of shape \(108, 4\); float32 of shape \(2, 4\)"),
        ({"w": W.astype(np.float64)}, "float64"),
    ],
)
def test_a_constant_that_does_not_fit_is_refused(graph, values, said):
    with pytest.raises(UsageError, match=said):
        with_constants(graph, values)


def test_what_reads_a_masked_tensor_reads_it_times_the_mask():
    body = "a = Relu(image) b = Neg(a) c = Add(a, b) d = Add(c, a) scores = Flatten(d)"
    graph = prepare(model(body))
    mask = np.array([0.0, 1.0, 2.0], np.float32).reshape(1, 3, 1, 1)
    masked, inputs = with_mask_inputs(graph, {"a": np.ones_like(mask)})
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)
    name = inputs["a"]
    engine = Network(masked, input_name="image", bound={name: np.ones_like(mask)}).ort
    whole = engine.forward(x)
    found = engine.with_bound({name: mask}).activations(x, ["a", "b", "scores"])
    plain = np.maximum(x, 0)
    np.testing.assert_array_equal(found["a"], plain)
    np.testing.assert_array_equal(found["b"], -plain * mask)
    np.testing.assert_array_equal(found["scores"], (plain * mask).reshape(2, -1))
    np.testing.assert_array_equal(whole, plain.reshape(2, -1))
    np.testing.assert_array_equal(engine.forward(x), whole)
    assert "Mul" not in [n.op_type for n in graph.nodes]


def test_only_what_a_node_writes_can_be_masked(graph):
    with pytest.raises(UsageError, match="'image' is not written by any node"):
        with_mask_inputs(graph, {"image": np.ones(3, np.float32)})
