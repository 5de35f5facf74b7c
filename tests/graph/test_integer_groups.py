"""Which nodes ONNX Runtime computes in integers."""

import numpy as np
import pytest

from onnxplain.graph.integer_groups import Grid, clip_range, find_integer_groups
from tests.graph.written import graph

CONSTANTS = {
    "s": np.float32(0.5),
    "z": np.uint8(10),
    "t": np.float32(0.25),
    "n": np.int8(0),
    "w": np.ones((6, 6), np.int8),
    "low": np.float32(-5.0),
    "high": np.float32(3.0),
}
FRONT = "q = QuantizeLinear(x, s, z) a = DequantizeLinear(q, s, z) b = DequantizeLinear(w, t, n) "


def groups(body, outputs="float y"):
    return find_integer_groups(graph(FRONT + body, outputs=outputs, **CONSTANTS))


def test_limits_of_a_grid():
    grid = Grid(np.array([0.5], np.float32), np.array([10], np.uint8))
    assert (grid.low, grid.high) == (-5.0, 122.5)
    signed = Grid(np.array([0.5], np.float32), np.array([-28], np.int8))
    assert (signed.low, signed.high) == (-50.0, 77.5)


def test_a_product_between_integers():
    (found,) = groups("p = MatMul(a, b) y = QuantizeLinear(p, t, z)").values()
    assert [float(g.scale[0]) for g in found.operands] == [0.5, 0.25]
    assert (float(found.result.scale[0]), int(found.result.zero[0])) == (0.25, 10)


def test_a_product_may_stay_floating_but_a_sum_may_not():
    (found,) = groups("p = MatMul(a, b) y = Relu(p)").values()
    assert found.result is None
    assert groups("p = Add(a, a) y = Relu(p)") == {}


@pytest.mark.parametrize(
    ("clip", "inside"),
    [
        ("Clip(p, low)", True),  # the grid begins at -5 itself
        ("Clip(p, low, high)", False),
        ("Relu(p)", False),  # would cut off what the grid can hold
        ("Sqrt(p)", False),
    ],
)
def test_a_limit_within_the_range_of_the_grid_changes_nothing(clip, inside):
    found = groups(f"p = MatMul(a, b) c = {clip} y = QuantizeLinear(c, s, z)")
    assert [g.result is not None for g in found.values()] == [inside]


@pytest.mark.parametrize(
    "body",
    [
        "p = MatMul(x, b) y = QuantizeLinear(p, s, z)",  # floating operand
        "p = Exp(a) y = QuantizeLinear(p, s, z)",
        "p = Gemm<alpha = 2.0>(a, b) y = QuantizeLinear(p, s, z)",
        "p = acme.MatMul(a, b) y = QuantizeLinear(p, s, z)",
    ],
)
def test_what_is_no_group(body):
    assert groups(body) == {}


def test_bounds():
    made = graph("a = Relu(x) b = Clip(x, low, high) c = Clip(x, , h)", "float x, float h",
                 low=np.float32(-1), high=np.float32(2))  # fmt: skip
    relu, clip, computed = made.nodes
    assert clip_range(made, relu) == (0.0, np.inf)
    assert clip_range(made, clip) == (-1.0, 2.0)
    assert clip_range(made, computed)[0] == -np.inf
    assert np.isnan(clip_range(made, computed)[1])
