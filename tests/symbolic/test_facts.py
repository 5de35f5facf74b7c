"""Shapes that follow the batch, and numbers that do not."""

import numpy as np
from onnx.helper import make_node as node

from onnxplain.graph.view import Graph
from onnxplain.symbolic.facts import measure_facts
from tests.convert.forms import noise
from tests.convert.oracle import make_model
from tests.symbolic.written import values_of


def test_axes_that_follow_the_batch_are_left_open():
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "last"], ["n"], axis=0),
        node("Slice", ["x", "zero", "n", "axis"], ["a"]),
        node("Reshape", ["a", "flat"], ["y"]),
    ]
    constants = {
        "last": np.array([2]), "zero": np.array([0]), "axis": np.array([2]),
        "flat": np.array([-1, 2]),
    }  # fmt: skip
    model = make_model(nodes, {"x": noise(2, 3, 4)}, ["y"], constants)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    facts = measure_facts(
        Graph(model),
        [noise(2, 3, 4), noise(3, 3, 4)],
        lambda x, names: values_of(model, {"x": x}, names),
    )
    assert facts.shapes["x"] == (None, 3, 4)
    assert facts.shapes["y"] == (None, 2)
    assert facts.shapes["flat"] == (2,)
    assert facts.types["s"] == np.int64
    assert facts.values["n"].tolist() == [4]
    # y is twice as long as the batch, and not declared to be of the batch's length.
    batch, twice = facts.declared("a")[0], facts.declared("y")[0]
    assert isinstance(batch, str)
    assert batch != twice
    assert facts.declared("flat") == (2,)
