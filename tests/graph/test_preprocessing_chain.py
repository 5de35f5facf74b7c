"""Tensors that hold the picture itself, and where the network proper begins."""

import numpy as np
import pytest

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.preprocessing_chain import preprocessing_chain
from tests.graph.written import graph

CONSTANTS = {
    "half": np.float32(0.5),
    "means": np.float32([1, 2, 3]).reshape(3, 1, 1),
    "plain": np.float32([1, 2, 3]),
    "low": np.float32(0),
    "high": np.float32(1),
    "swap": np.array([2, 1, 0]),
    "two": np.array([0, 1]),
    "twice": np.array([0, 0, 1]),
    "one": np.array(1),
    "b": np.array([-1]),
    "e": np.array([-(2**63) + 1]),
    "rows": np.array([2]),
    "colours": np.array([1]),
    "w": np.ones((2, 3, 1, 1), np.float32),
    "many": np.ones((1, 3, 4, 6), np.float32),
    "sizes": np.array([1, 3, 8, 12]),
}


def chain(body, image="float[N,3,4,6] image"):
    names = body.replace("(", " ").replace(",", " ").replace(")", " ").split()
    made = graph(body, image, **{k: v for k, v in CONSTANTS.items() if k in names})
    return preprocessing_chain(made, find_image_input(made))


# Each node up to the convolution keeps the picture.
KEPT = {
    "cast": "a = Cast<to = 1>(image) y = Conv(a, w)",
    "affine": "p = Div(image, half) q = Sub(p, means) a = Mul(q, half) y = Conv(a, w)",
    "a constant in front": "a = Mul(half, image) y = Conv(a, w)",
    "the batch's normalisation": (
        "a = BatchNormalization(image, plain, plain, plain, plain) y = Conv(a, w)"
    ),
    "to channels first and back": (
        "p = Transpose<perm = [0,2,3,1]>(image) q = Add(p, plain) "
        "a = Transpose<perm = [0,3,1,2]>(q) y = Conv(a, w)"
    ),
    "resized and clipped": (
        'p = Resize<mode = "linear">(image, , , sizes) a = Clip(p, low, high) y = Conv(a, w)'
    ),
    "colours turned by Gather": "a = Gather<axis = 1>(image, swap) y = Conv(a, w)",
    "colours turned by Slice": "a = Slice(image, b, e, colours, b) y = Conv(a, w)",
}


@pytest.mark.parametrize("name", KEPT)
def test_as_long_as_the_picture_is_kept(name):
    nodes = [part.split()[-1] for part in KEPT[name].split(" = ")[:-1]]
    expected = [n for n in nodes if n in "pqa"]
    assert chain(KEPT[name]) == ("image", *expected)


# What the last node of the chain is followed by is no preprocessing of the whole picture.
ENDS = {
    "a convolution": ("y = Conv(image, w)", ()),
    "an activation": ("a = Mul(image, half) b = Relu(a) y = Conv(b, w)", ("a",)),
    "two readers": ("a = Mul(image, half) b = Conv(a, w) c = Neg(a) y = Add(b, c)", ("a",)),
    "some colours only": ("a = Gather<axis = 1>(image, two) y = Conv(a, w)", ()),
    "a colour twice": ("a = Gather<axis = 1>(image, twice) y = Conv(a, w)", ()),
    "rows upside down": ("a = Slice(image, b, e, rows, b) y = Conv(a, w)", ()),
    "a constant less the picture": ("a = Sub(half, image) y = Conv(a, w)", ()),
    "a mean picture": ("a = Sub(image, many) y = Conv(a, w)", ()),
    "a product with itself": ("a = Mul(image, image) y = Conv(a, w)", ()),
    "limits that are computed": (
        "f = Flatten(image) m = ReduceMin<keepdims = 0>(f) a = Clip(image, m) y = Conv(a, w)", (),
    ),
    "another domain": ("a = com.microsoft.Gelu(image) y = Conv(a, w)", ()),
    "its shape is read as well": (
        "s = Shape(image) a = Cast<to = 1>(image) c = Conv(a, w) y = Reshape(c, s)", (),
    ),
    "the output": ("y = Mul(image, half)", ("y",)),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_where_it_ends(name):
    body, kept = ENDS[name]
    assert chain(body) == ("image", *kept)


def test_channels_last():
    body = """
        p = Cast<to = 1>(image) q = Gather<axis = 3>(p, swap) r = Sub(q, plain)
        a = Transpose<perm = [0,3,1,2]>(r) y = Conv(a, w)
    """
    assert chain(body, "uint8[N,4,6,3] image") == ("image", "p", "q", "r", "a")
    # The same on the axis of the rows turns the picture.
    rows = body.replace("axis = 3", "axis = 1")
    assert chain(rows, "uint8[N,4,6,3] image") == ("image", "p")
