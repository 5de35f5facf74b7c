"""Which axis of an input holds the channels."""

import numpy as np
import pytest

from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.input_axes import input_axes
from tests.graph.written import graph

CONV = "y = Conv(x, w)"


def axes(shape, layout=None, channels=None, body="y = Relu(x)", kind="float", **constants):
    made = graph(body, f"{kind}[{shape}] x", **constants)
    found = input_axes(made, made.inputs[0], layout, channels)
    return found and (found.layout, found.channels, found.proven)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("N,3,8,8", ("NCHW", 3, False)),
        ("N,8,8,3", ("NHWC", 3, False)),
        ("N,1,H,W", ("NCHW", 1, False)),
        ("N,5,8,8", ("NCHW", 5, False)),  # fewer than rows and columns
        ("N,8,8,5", ("NHWC", 5, False)),
        ("N,8,8,8", None),
        ("N,A,B,C", None),
        ("N,3,8", None),
    ],
)
def test_the_declared_shape(shape, expected):
    assert axes(shape) == expected


def test_strings_are_no_pictures():
    assert axes("1,3,8,8", kind="string") is None


@pytest.mark.parametrize(
    ("shape", "layout", "channels", "expected"),
    [
        ("N,8,8,8", "NHWC", None, ("NHWC", 8, False)),
        ("N,A,B,C", "NCHW", 4, ("NCHW", 4, False)),
        ("N,A,B,C", "NCHW", None, None),
        ("N,8,9,3", "NCHW", 3, None),  # the other axis has that number of channels
        ("N,3,8,8", "CHW", None, None),
        ("N,7,9,8", None, 8, ("NHWC", 8, False)),
    ],
)
def test_what_is_given(shape, layout, channels, expected):
    assert axes(shape, layout, channels) == expected


def test_an_operator_proves_them():
    w = np.zeros((2, 8, 3, 3), np.float32)
    assert axes("N,8,8,8", body=CONV, w=w) == ("NCHW", 8, True)
    assert axes("N,A,B,C", body=CONV, w=w) == ("NCHW", 8, True)
    assert axes("N,8,8,8", "NHWC", body=CONV, w=w) is None
    with pytest.raises(UnsupportedModelError, match=r"declares 3 channels, but Conv .* reads 8"):
        axes("N,3,8,8", body=CONV, w=w)
