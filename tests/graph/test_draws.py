"""Nodes that draw random numbers, and results that depend on them."""

import numpy as np
import pytest

from onnxplain.graph.draws import random_nodes
from tests.graph.written import graph

YES, NO = np.array(True), np.array(False)
HALF, NONE = np.float32(0.5), np.float32(0)
BRANCH = """y = If(c) <then_branch = t () => (float t) {{ t = {0}(x) }},
                     else_branch = e () => (float e) {{ e = Relu(x) }}>"""


@pytest.mark.parametrize(
    ("body", "constants", "draws"),
    [
        ("y = RandomNormalLike(x)", {}, True),
        ("y = RandomUniformLike<seed = 1.0>(x)", {}, True),  # a seed is no exception
        ("y = Bernoulli(x)", {}, True),
        ("y = Dropout(x)", {}, False),
        ("y = Dropout(x, r)", {"r": HALF}, False),
        ("y = Dropout(x, r, t)", {"r": HALF, "t": YES}, True),
        ("y = Dropout(x, r, t)", {"r": HALF, "t": NO}, False),
        ("y = Dropout(x, r, t)", {"r": NONE, "t": YES}, False),  # drops nothing
        ("y = Dropout(x, , t)", {"t": YES}, True),
        ("y = acme.RandomNormalLike(x)", {}, False),
        (BRANCH.format("RandomNormalLike"), {}, True),
        (BRANCH.format("Neg"), {}, False),
    ],
)
def test_which_nodes_draw(body, constants, draws):
    made = graph(body, "float[N,3,4,6] x, bool c", **constants)
    assert [n.output for n in random_nodes(made, ["y"])] == (["y"] if draws else [])


def test_only_those_that_a_result_is_computed_from():
    made = graph(
        "a = RandomNormalLike(x) b = RandomNormalLike(x) s = Shape(b) "
        "c = Add(a, x) y = Reshape(x, s)",
        outputs="float y, float c",
    )
    assert [n.output for n in random_nodes(made, ["c"])] == ["a"]
    assert random_nodes(made, ["y"]) == []  # reads the shape alone
    assert [n.output for n in random_nodes(made, ["a", "b"])] == ["a", "b"]
