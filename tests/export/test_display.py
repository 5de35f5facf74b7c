"""Nodes that scale maps agree with the product's own scaling, zeros and single pixels included."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from onnxplain.explanations.display import limit as product_limit
from onnxplain.export.display import Form, limit, unit
from onnxplain.symbolic.builder import Builder
from tests.convert.oracle import session


def run(write, *arrays, opset=17):
    """Outputs of what `write` returns for inputs of these arrays."""
    names = [f"x{k}" for k in range(len(arrays))]
    build = Builder(names, (), opset)
    output = write(build, *names)
    graph = helper.make_graph(
        [*build.fixed, *build.nodes],
        "test",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
         for n, a in zip(names, arrays, strict=True)],
        [helper.make_empty_tensor_value_info(output)],
        build.initializers,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    (found,) = session(onnx.shape_inference.infer_shapes(model)).run(
        None, dict(zip(names, arrays, strict=True))
    )
    return found


@pytest.mark.parametrize("at_layer", [True, False])
@pytest.mark.parametrize("opset", [16, 18])
@pytest.mark.parametrize("grid", [(1, 1), (1, 7), (8, 8), (28, 28), (31, 17), (10, 10), (101, 1)])
def test_where_the_colours_end(grid, at_layer, opset):
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((4, *grid)).astype(np.float32)
    maps[1] *= rng.random(grid) < 0.5
    maps[2] *= rng.random(grid) < 0.03
    maps[3] = 0
    form = Form("signed", grid, None, at_layer, grid)
    found = run(lambda build, x: limit(build, form, x), maps, opset=opset)
    assert found.shape == (4, 1, 1)
    for one, own in zip(maps, found.ravel(), strict=True):
        assert own == pytest.approx(product_limit(one, form.percentile), rel=1e-6)


def test_a_constant_map_has_numbers():
    maps = np.stack([np.zeros((3, 3)), np.full((3, 3), 2.0), np.full((3, 3), -1e-30)])
    maps = maps.astype(np.float32)
    form = Form("signed", (3, 3), None, True, (3, 3))
    found = run(lambda build, x: unit(build, limit(build, form, x), x), maps)
    assert np.array_equal(found[:, 0, 0], [0.0, 1.0, -1.0])
    assert np.array_equal(found, np.broadcast_to(found[:, :1, :1], found.shape))
