"""A way back reads only what it needs, and shares the weights of its graph."""

import numpy as np
import onnx.parser

from onnxplain.adapters.ort import OrtAdapter
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.symbolic.facts import measure_facts
from onnxplain.symbolic.part import between, way_back

NET = """<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[N,3,24,24] x) => (float[N,2] y) {
      a = Sigmoid(x)
      b = Relu(a)
      flat = Flatten(b)
      y = MatMul(flat, w)
    }"""


def written(names):
    proto = onnx.parser.parse_model(NET)
    weights = np.random.default_rng(0).standard_normal((3 * 24 * 24, 2)).astype(np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    graph = prepare(proto)
    engine = OrtAdapter(graph, find_image_input(graph), "y", device="cpu")
    x = np.random.default_rng(0).random((3, 3, 24, 24)).astype(np.float32)
    known = between(graph, ["y"], names)
    facts = measure_facts(graph, [x[:2], x], engine.activations, known)
    return graph, known, way_back(graph, facts, ["y"], names)


def test_only_what_lies_between_is_known_and_read():
    _, known, way = written(["b"])
    assert known == {"b", "flat", "y"}
    assert "a" not in way.reads
    assert not set(way.reads) & {"x"}


def test_large_weights_are_those_of_the_graph():
    graph, _, way = written(["x"])
    assert way.weights["w"] is graph.constant("w")
    assert len(way.model.SerializeToString()) < way.weights["w"].nbytes


def test_what_no_derivative_reaches_is_left_out():
    _, _, way = written(["x", "y"])
    assert set(way.outputs) == {"x", "y"}
