"""Indices that change with the batch, as exporters write strides."""

import numpy as np
from onnx.helper import make_node as node

from tests.convert.forms import noise
from tests.convert.oracle import make_model
from tests.symbolic.written import by_torch, run, seed_name, values_of, written


def test_indices_that_follow_the_batch():
    """Every second element of all pictures together, the last one twice."""
    nodes = [
        node("Reshape", ["x", "all"], ["flat"]), node("Size", ["x"], ["n"]),
        node("Range", ["zero", "n", "two"], ["even"]), node("Sub", ["n", "one"], ["last"]),
        node("Reshape", ["last", "all"], ["l"]), node("Concat", ["even", "l", "l"], ["i"], axis=0),
        node("Gather", ["flat", "i"], ["g"]), node("Mul", ["g", "g"], ["y"]),
    ]  # fmt: skip
    constants = {
        "all": np.array([-1]), "zero": np.array(0), "one": np.array(1), "two": np.array(2),
    }  # fmt: skip
    feeds = [{"x": noise(n, 3).astype(np.float64)} for n in (2, 4)]
    model = make_model(nodes, feeds[0], ["y"], constants)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    whole = written(model, feeds, ["x"], ["y"])
    (name,) = (o.name for o in whole.graph.output)
    for x in feeds:
        seed = noise(*values_of(model, x, ["y"])["y"].shape, seed=1).astype(np.float64)
        found = run(whole, {**x, seed_name("y"): seed}, [name])[name]
        (theirs,) = by_torch(model, x, ["x"], {"y": seed})
        np.testing.assert_allclose(found, theirs, rtol=1e-12)
        assert found.reshape(-1)[1::2][:-1].any() == np.False_
        assert found.reshape(-1)[-1] != 0
