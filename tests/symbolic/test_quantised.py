"""Rounding passes slopes unchanged, saturation stops them."""

import numpy as np
import onnx
from onnx.helper import make_empty_tensor_value_info, make_tensor_value_info
from onnx.helper import make_node as node

from onnxplain.graph.view import Graph
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import measure_facts
from onnxplain.symbolic.pull_back import pull_back
from tests.convert.forms import noise
from tests.convert.oracle import expected, make_model
from tests.symbolic.written import by_torch


def slopes(nodes, x, constants, seed):
    model = make_model(nodes, {"x": x}, ["y"], constants)
    graph = Graph(model)

    def values(x, names):
        exposed = onnx.ModelProto()
        exposed.CopyFrom(model)
        del exposed.graph.output[:]
        exposed.graph.output.extend(make_empty_tensor_value_info(n) for n in names)
        return expected(exposed, {"x": x})

    facts = measure_facts(graph, [x], values)
    build = Builder([*graph.tensor_names(), *graph.constant_names], graph.constant_names, 17)
    found = pull_back(graph, facts, build, {"y": "seed"}, ["x"])["x"]
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    del whole.graph.node[:]
    whole.graph.node.extend([*build.fixed, *model.graph.node, *build.nodes])
    whole.graph.initializer.extend(build.initializers)
    whole.graph.input.append(make_tensor_value_info("seed", 1, seed.shape))
    whole.graph.output.append(make_empty_tensor_value_info(found))
    ours = expected(whole, {"x": x, "seed": seed})[found]
    (theirs,) = by_torch(model, {"x": x}, ["x"], {"y": seed})
    return ours, theirs


def test_a_scale_for_the_whole_tensor():
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             node("DequantizeLinear", ["q", "s", "z"], ["y"])]  # fmt: skip
    x, seed = 3 * noise(2, 3, 4), noise(2, 3, 4, seed=1)
    ours, theirs = slopes(nodes, x, {"s": np.float32(0.02), "z": np.int8(-5)}, seed)
    inside = (x / 0.02 - 5 >= -128) & (x / 0.02 - 5 <= 127)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_allclose(ours, np.where(inside, seed, 0), rtol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_scale_for_each_channel_and_a_dynamic_one():
    scale, zero = np.array([0.02, 0.01, 0.03], np.float32), np.array([3, 0, -5], np.int8)
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1),
             node("DequantizeLinear", ["q", "t", "z"], ["a"], axis=1),
             node("DynamicQuantizeLinear", ["a"], ["p", "ps", "pz"]),
             node("DequantizeLinear", ["p", "ps", "pz"], ["y"])]  # fmt: skip
    x, seed = 2 * noise(2, 3, 4), noise(2, 3, 4, seed=1)
    ours, theirs = slopes(nodes, x, {"s": scale, "t": 3 * scale, "z": zero}, seed)
    assert 0 < (ours == 0).sum() < ours.size
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
