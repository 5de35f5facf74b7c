"""What the whole numbers of quantised tensors stand for."""

import numpy as np
import pytest

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.quantised import (
    quantisation_step,
    real_values,
    require_known_scale,
    rounds_values,
    scale_and_zero,
)
from tests.graph.written import graph

HALF, ZERO = np.float32(0.5), np.uint8(10)
MADE = graph(
    "q = QuantizeLinear(x, s, z) m = MaxPool<kernel_shape = [2, 2]>(q) "
    "d = DequantizeLinear(m, s, z) r = Relu(d) y = Flatten(d)",
    s=HALF,
    z=ZERO,
)


def test_integers_are_read_through_what_only_hands_them_on():
    for tensor in "qm":
        assert scale_and_zero(MADE, tensor) == (0.5, 10.0)
    assert real_values(MADE, "m", np.array([0, 10, 13], np.uint8)).tolist() == [-5.0, 0.0, 1.5]
    assert scale_and_zero(MADE, "d") == scale_and_zero(MADE, "x") == (1.0, 0.0)


def test_steps_of_dequantised_tensors():
    assert [quantisation_step(MADE, t) for t in "xqdyr"] == [0.0, 0.0, 0.5, 0.5, 0.0]
    soft = graph("p = Softmax(x) q = QuantizeLinear(p, s, z)", s=HALF, z=ZERO)
    assert quantisation_step(soft, "p") == 0.5
    computed = graph("d = DequantizeLinear(x, s)", "uint8[3] x, float s")
    assert quantisation_step(computed, "d") == 0.0


def test_a_scale_that_is_not_known_is_refused():
    dynamic = graph("q, s, z = DynamicQuantizeLinear(x) y = Transpose(q)")
    for tensor in "qy":  # PyTorch keeps whole numbers as floats
        with pytest.raises(MethodRefusedError, match=f"layer '{tensor}' holds float32 numbers"):
            require_known_scale(dynamic, tensor, np.dtype("float32"))
    each = graph("q = QuantizeLinear(x, s, z)", s=np.ones(3, np.float32), z=np.zeros(3, np.uint8))
    with pytest.raises(MethodRefusedError, match="whose scale is not known"):
        real_values(each, "q", np.zeros(3, np.uint8))
    other = graph("q = acme.Sparkle(x) y = Relu(x)")
    with pytest.raises(MethodRefusedError, match="whose scale is not known"):
        require_known_scale(other, "q", np.dtype("int8"))
    assert require_known_scale(other, "y", np.dtype("float32")) is None


def test_which_graphs_round():
    assert rounds_values(MADE)
    assert rounds_values(graph("y = QLinearConv(x, s, z, w, s, z, s, z)"))
    assert not rounds_values(graph("d = DequantizeLinear(w, s) y = MatMul(x, d)"))
