"""Edited copies of a graph: the copy changes, the original does not."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import UsageError
from onnxplain.graph.edit import with_constants
from onnxplain.graph.prepare import prepare

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
        ({"f": W}, "'f' is no constant"),
        ({"w": W[:2]}, r"is float32 of shape \(108, 4\); float32 of shape \(2, 4\)"),
        ({"w": W.astype(np.float64)}, "float64"),
    ],
)
def test_a_constant_that_does_not_fit_is_refused(graph, values, said):
    with pytest.raises(UsageError, match=said):
        with_constants(graph, values)
