"""On which axis inputs stand."""

import numpy as np
import pytest

from onnxplain.graph.answers.batch import BatchAxes, BatchAxis
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import infer_shapes
from tests.graph.written import graph


def axis(body, batch=None, output="float[?,?] y", declared="N", **constants):
    image = ImageInput("x", "float32", "NCHW", 3, (2, 2), batch, False)
    made = graph(body, f"float[{batch or declared},3,2,2] x", output, **constants)
    return BatchAxes(made, infer_shapes(made, image), image).of("y")


@pytest.mark.parametrize("batch", [None, 2, 5])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Flatten(x)", 0),
        ("f = Flatten(x) y = Transpose(f)", 1),
        ("y = Transpose<perm = [1, 2, 0, 3]>(x)", 2),
    ],
)
def test_the_axis_moves_with_the_inputs(body, expected, batch):
    assert axis(body, batch) == BatchAxis(expected)


def test_an_axis_that_inputs_share_is_not_clear():
    body = "y = Reshape(x, s)"
    assert axis(body, 2, s=np.array([-1, 4])) == BatchAxis(None, clear=False)


def test_the_name_of_a_dimension_decides():
    # Both axes have length one; the file calls the second one as the batch.
    assert axis("m = ReduceMean(x) y = Reshape(m, s)", output="float[K,N] y", s=[1, 1]).axis == 1


def test_one_input_without_a_batch():
    found = axis("y = Squeeze(x, z)", 1, output="float[3,2,2] y", z=np.array([0]))
    assert found == BatchAxis(None, clear=True)
