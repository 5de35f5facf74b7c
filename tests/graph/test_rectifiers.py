"""Where a quantisation is a ReLU, and where it only starts at zero."""

import numpy as np
import pytest
from handmade import model

from onnxplain.graph.prepare import prepare
from onnxplain.graph.rectifiers import rectified_root

HEAD = "p = GlobalAveragePool(d) f = Flatten(p) scores = Identity(f)"


def roots(body, zero=0, dtype=np.uint8):
    constants = {"s": np.array(0.1, np.float32), "z": np.array(zero, dtype), "k": KERNEL}
    graph = prepare(model(f"{body} {HEAD}", constants, image="float[N,1,4,4] x"))
    return [root for node in graph.nodes if (root := rectified_root(graph, node))]


KERNEL = np.random.default_rng(0).normal(size=(3, 1, 1, 1)).astype(np.float32)
QUANTISED = "q = QuantizeLinear(c, s, z) d = DequantizeLinear(q, s, z)"


@pytest.mark.parametrize(("zero", "dtype"), [(0, np.uint8), (-128, np.int8)])
def test_the_range_begins_at_zero(zero, dtype):
    assert roots(f"c = Conv(x, k) {QUANTISED}", zero, dtype) == ["c"]


@pytest.mark.parametrize(("zero", "dtype"), [(1, np.uint8), (128, np.uint8), (0, np.int8)])
def test_negative_numbers_remain(zero, dtype):
    assert not roots(f"c = Conv(x, k) {QUANTISED}", zero, dtype)


@pytest.mark.parametrize(
    "body",
    [
        "b = Conv(x, k) c = Relu(b)",  # the ReLU is there
        "b = Conv(x, k) r = Relu(b) c = GlobalAveragePool(r)",
        "b = Conv(x, k) r = Relu(b) c = Add(r, r)",  # no sum of these is negative
        "b = Conv(x, k) r = Relu(b) u, v = Split <axis = 2> (r) c = Add(u, v)",
        "b = Conv(x, k) r = LpPool <kernel_shape = [2,2]> (b) c = Add(r, r)",
        "c = Identity(x)",
        "c = Concat <axis = 1> (x, x, x)",  # pixels
    ],
)
def test_what_is_never_negative_or_no_sum_has_no_relu(body):
    assert not roots(f"{body} {QUANTISED}")
