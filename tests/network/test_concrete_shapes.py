"""Shapes that ONNX does not infer are measured."""

import numpy as np

from onnxplain.graph.image_input import ImageInput
from onnxplain.network.concrete_shapes import concrete_shapes
from tests.graph.written import graph

IMAGE = ImageInput("x", "float32", "NCHW", 3, (4, 6), None, False)


class Engine:
    """Stands for ONNX Runtime, and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def together(self):
        return self

    def activations(self, x, names):
        self.asked.append((x.shape, x.dtype.name, sorted(names)))
        return {name: np.zeros((7, k + 1)) for k, name in enumerate(sorted(names))}


def test_only_what_is_unknown_is_measured():
    made = graph("n = NonZero(x) y = Transpose(n) z = Relu(x)", outputs="int64[?,?] y, float z")
    engine = Engine()
    shapes = concrete_shapes(made, IMAGE, lambda: engine)
    assert engine.asked == [((1, 3, 4, 6), "float32", ["n", "y"])]
    assert (shapes["z"], shapes["n"], shapes["y"]) == ((1, 3, 4, 6), (7, 1), (7, 2))


def test_no_engine_is_opened_without_need():
    def opened():
        raise AssertionError("nothing has to be measured")

    assert concrete_shapes(graph("y = Flatten(x)"), IMAGE, opened)["y"] == (1, 72)
