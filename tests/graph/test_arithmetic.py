"""Multiplications counted by hand."""

import numpy as np
import pytest

from onnxplain.graph.arithmetic import comparisons, numbers_written, products
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import infer_shapes
from tests.graph.written import graph

IMAGE = ImageInput("x", "float32", "NCHW", 3, (4, 6), None, False)
# Each operator with what it multiplies, by hand, of an input of 3 x 4 x 6.
CASES = {
    "Conv": ("y = Conv<pads = [1, 1, 1, 1]>(x, w)", 5 * 24 * 27, {"w": (5, 3, 3, 3)}),
    "Conv in groups": ("y = Conv<group = 3>(x, w)", 3 * 8 * 9, {"w": (3, 1, 3, 3)}),
    "ConvTranspose": ("y = ConvTranspose<strides = [2, 2]>(x, w)", 72 * 20, {"w": (3, 5, 2, 2)}),
    "MatMul": ("y = MatMul(x, w)", 3 * 4 * 2 * 6, {"w": (6, 2)}),
    "Gemm": ("f = Flatten(x) y = Gemm<transB = 1>(f, w)", 7 * 72, {"w": (7, 72)}),
    "Gemm turned": ("f = Flatten<axis = 3>(x) y = Gemm<transA = 1>(f, w)", 6 * 7 * 12,
                    {"w": (12, 7)}),
    "MaxPool": ("y = MaxPool<kernel_shape = [2, 3]>(x)", 3 * 3 * 4 * 6, {}),
    "LSTM": ("s = Squeeze(x, zero) y = LSTM<hidden_size = 5>(s, w, r)", 12 * (120 + 100),
             {"w": (1, 20, 6), "r": (1, 20, 5)}),
    "Relu": ("y = Relu(x)", 0, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_products(case):
    body, expected, shapes = CASES[case]
    constants = {n: np.zeros(s, np.float32) for n, s in shapes.items()}
    made = graph(body, outputs="float y", zero=np.array([0]), **constants)
    assert products(made, made.nodes[-1], infer_shapes(made, IMAGE)) == expected


def test_what_is_not_known_counts_for_nothing():
    made = graph("n = NonZero(x) f = Cast<to = 1>(n) y = MatMul(f, f)")
    shapes = infer_shapes(made, IMAGE)
    assert [products(made, n, shapes) for n in made.nodes] == [0, 0, 0]
    assert [numbers_written(n, shapes) for n in made.nodes] == [0, 0, 0]


def test_numbers_of_all_results_are_written():
    made = graph("y, z = Split<axis = 3>(x, parts)", parts=np.array([2, 4]))
    assert numbers_written(made.nodes[0], infer_shapes(made, IMAGE)) == 72


def test_what_sorts_compares():
    made = graph("u = Unique(x) v, at = TopK(x, k) y = Relu(x)", outputs="float y", k=np.array([1]))
    shapes = infer_shapes(made, IMAGE)
    assert [comparisons(n, shapes) for n in made.nodes] == [72 * 7, 72 * 7, 0]
