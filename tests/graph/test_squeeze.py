"""Axes of Squeeze and Unsqueeze."""

import numpy as np
import pytest

from onnxplain.graph.squeeze import squeezed_axes
from tests.graph.written import graph


@pytest.mark.parametrize(
    ("axes", "expected"), [([0], (0,)), ([-1, 1], (1, 3)), ([3, 0, 2], (0, 2, 3)), ([1, -3], None)]
)
def test_axes_are_counted_from_the_front(axes, expected):
    made = graph("y = Squeeze(x, a)", a=np.array(axes))
    assert squeezed_axes(made, made.nodes[0], 4) == expected
    if expected:  # what NumPy takes away
        shape = [1 if k in expected else 5 for k in range(4)]
        assert np.squeeze(np.zeros(shape), tuple(axes)).ndim == 4 - len(expected)


def test_attributes_of_old_files():
    made = graph("y = Unsqueeze<axes = [-1, 0]>(x)", opset=11)
    assert squeezed_axes(made, made.nodes[0], 6) == (0, 5)


def test_what_the_file_does_not_fix():
    computed = graph("y = Squeeze(x, a)", "float[1,3] x, int64[1] a")
    assert squeezed_axes(computed, computed.nodes[0], 2) is None
    everything = graph("y = Squeeze(x)")
    assert squeezed_axes(everything, everything.nodes[0], 4) is None
