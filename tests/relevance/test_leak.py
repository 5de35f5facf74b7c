"""What a node absorbs is what arrives at it minus what it hands on."""

import numpy as np
import pytest
from handmade import model, walk

from onnxplain.relevance.composites import composite
from onnxplain.relevance.leak import Leak


def test_biases_absorb_their_share_and_the_largest_leak_is_first():
    # Every number is exact in float32: z = 108 * 0.5 = 54 and y = z + b.
    w, b = np.full((108, 2), 0.5), np.array([54.0, -27.0])
    body = "r = Relu(image) f = Flatten(r) scores = Gemm(f, w, b)"
    proto, x = model(body, w=w, b=b), np.ones((1, 3, 6, 6))
    found = walk(proto, x, np.array([[8.0, 3.0]]), composite("epsilon", epsilon=0.0))
    # The first score gives 54 / 108 of 8, the second 54 / 27 of 3: biases take 4 and -3.
    assert found.leaks[0].tensor == "scores"
    assert found.leaks[0].op_type == "Gemm"
    assert found.leaks[0].absorbed == pytest.approx(4.0 - 3.0, rel=1e-6)
    assert [abs(leak.absorbed) for leak in found.leaks[1:]] == pytest.approx([0.0] * 2, abs=1e-12)
    assert sum(leak.absorbed for leak in found.leaks) == pytest.approx(
        11.0 - float(found.relevance["image"].sum()), rel=1e-12
    )


def test_a_leak_is_a_value():
    assert Leak("t", "Conv", 0.5) == Leak("t", "Conv", 0.5)
    assert Leak("t", "Conv", 0.5) != Leak("t", "Conv", 0.25)
