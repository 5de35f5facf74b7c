"""Shapes for one picture."""

import subprocess
import sys

import numpy as np
import pytest

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


# onnx's own inference ends the process at these: they read the type of what has none.
WITHOUT_A_TYPE = {
    "a pattern": 's = RegexFullMatch<pattern = "a">(a)',
    "labels": "s = ai.onnx.ml.LabelEncoder<keys_int64s = [1], values_floats = [1.0]>(a)",
    "a pattern in a body": """p = Constant<value = bool {1}>()
        s = If(p) <then_branch = t () => (bool[M] u) { u = RegexFullMatch<pattern = "a">(a) },
                   else_branch = e () => (bool[M] v) { v = RegexFullMatch<pattern = "b">(a) }>""",
}
_INFER = """
import sys
import onnx
from onnxplain.graph.view import Graph
from tests.graph.test_shapes import IMAGE, WITHOUT_A_TYPE, infer_shapes

how, name = sys.argv[1:]
proto = onnx.parser.parse_model(
    '<ir_version: 9, opset_import: ["" : 20, "acme" : 1, "ai.onnx.ml" : 3]> '
    "g (float[N,3,8,6] x) => (float y) { a = acme.Mystery(x) y = Flatten(x) "
    + WITHOUT_A_TYPE[name] + "}"
)
if how == "onnx":
    onnx.shape_inference.infer_shapes(proto, data_prop=True)
else:
    print(infer_shapes(Graph(proto), IMAGE)["y"])
"""


def _inferred(how, name):
    words = [sys.executable, "-c", _INFER, how, name]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", WITHOUT_A_TYPE)
def test_a_missing_type_does_not_end_the_process(name):
    done = _inferred("ours", name)
    assert (done.returncode, done.stdout.strip()) == (0, "(1, 144)"), done.stderr
    if name != "a pattern in a body":
        assert _inferred("onnx", name).returncode < 0  # or there is nothing to be kept from
