"""Shapes for one picture."""

import numpy as np

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import infer_shapes
from tests.graph.written import graph

IMAGE = ImageInput("x", "float32", "NCHW", 3, (8, 6), None, True)


def test_open_axes_take_the_size_of_the_picture():
    made = graph(
        "c = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w) f = Flatten(c) y = MatMul(f, v)",
        "float[N,3,H,W] x",
        "float[N,K] y",
        w=np.zeros((5, 3, 3, 3), np.float32),
        v=np.zeros((60, 2000), np.float32),  # too large to be copied
    )
    shapes = infer_shapes(made, IMAGE)
    assert {n: shapes[n] for n in "xcfy"} == {
        "x": (1, 3, 8, 6),
        "c": (1, 5, 4, 3),
        "f": (1, 60),
        "y": (1, 2000),
    }


def test_a_reshape_by_computed_shapes():
    made = graph(
        "s = Shape<start = 0, end = 1>(x) t = Concat<axis = 0>(s, m) y = Reshape(x, t)",
        "float[N,3,H,W] x",
        "float[N,K] y",
        m=np.array([-1]),
    )
    assert infer_shapes(made, IMAGE)["y"] == (1, 144)


def test_what_depends_on_values_is_left_out():
    made = graph("n = NonZero(x) y = Transpose(n)", "float[N,3,H,W] x", "int64[?,?] y")
    assert set(infer_shapes(made, IMAGE)) == {"x"}


def test_the_batch_that_a_file_insists_on():
    four = ImageInput("x", "float32", "NCHW", 3, (8, 6), 4, False)
    made = graph("y = Relu(x)", "float[4,3,8,6] x", "float[4,3,8,6] y")
    assert infer_shapes(made, four)["y"] == (4, 3, 8, 6)
