"""Whole quantised networks: each node within one step of ONNX Runtime, gradients that mean it."""

import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.ndimage
import torch
from onnxruntime.quantization import QuantFormat, quantize_dynamic

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from tests.convert.oracle import make_model
from tests.convert.quantised_networks import (
    DIGITS,
    LITE0,
    digits,
    each_node_is_within_one_step,
    static,
    steps_apart,
)


@pytest.fixture(scope="module", params=["qdq", "qoperator", "dynamic", "lite0"])
def quantised(request, tmp_path_factory):
    """A prepared quantised network and an input."""
    if request.param == "lite0":
        x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 7, 7)).astype(np.float32)
        image = np.kron(x, np.ones((1, 1, 32, 32), np.float32))
        return prepare(onnx.load(LITE0)), image
    path = tmp_path_factory.mktemp("quantised") / "model.onnx"
    if request.param == "dynamic":
        quantize_dynamic(DIGITS, path)
    else:
        static(path, QuantFormat.QDQ if request.param == "qdq" else QuantFormat.QOperator)
    return prepare(onnx.load(path)), digits(3, 0)


def test_each_node_is_within_one_step_of_onnx_runtime(quantised):
    graph, x = quantised
    assert each_node_is_within_one_step(graph, x) >= 2


def test_the_gradient_of_a_quantised_network_follows_the_network_it_came_from(tmp_path):
    path = tmp_path / "model.onnx"
    static(path, QuantFormat.QDQ)
    gradients = []
    for file in (DIGITS, path):
        graph = prepare(onnx.load(file))
        logits = next(n for n in graph.nodes if n.op_type == "Softmax").inputs[0]
        x = torch.from_numpy(digits(1, 5)).requires_grad_()
        scores = to_torch(graph).run({"image": x}, [logits])[logits]
        scores[0, 0].backward()
        gradients.append(x.grad.flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.9


def test_the_gradient_stops_where_the_quantisation_saturates():
    node = onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"])
    back = onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    x = np.array([-100.0, 0.3, 1.2, 100.0], np.float32)
    constants = {"s": np.float32(0.5), "z": np.uint8(10)}
    program = to_torch(prepare(make_model([node, back], {"x": x}, ["y"], constants)))
    leaf = torch.from_numpy(x).requires_grad_()
    y = program.run({"x": leaf}, ["y"])["y"]
    y.sum().backward()
    assert y.tolist() == [-5.0, 0.5, 1.0, 100.0]
    assert leaf.grad.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("form", ["qdq", "qoperator", "dynamic"])
def test_twenty_inputs_are_within_one_step_of_the_deployed_network(tmp_path, form):
    path = tmp_path / "model.onnx"
    if form == "dynamic":
        quantize_dynamic(DIGITS, path)
    else:
        static(path, QuantFormat.QDQ if form == "qdq" else QuantFormat.QOperator)
    feed = [digits(1, seed) for seed in range(100, 120)]
    assert steps_apart(prepare(onnx.load(path)), feed) <= 1


def photos(count):
    """Smooth random pictures in the range of EfficientNet-Lite's input."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-1, 1, (count, 1, 3, 7, 7)).astype(np.float32)
    return [scipy.ndimage.zoom(c, (1, 1, 32, 32), order=1) for c in coarse]


def test_a_deep_network_of_integer_operators_is_exact(tmp_path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "integers.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(LITE0, options, providers=["CPUExecutionProvider"])
    graph = prepare(onnx.load(tmp_path / "integers.onnx"))
    kinds = [n.op_type for n in graph.nodes]
    assert kinds.count("QLinearConv") == 49
    assert "QLinearAdd" in kinds
    assert steps_apart(graph, photos(4)) <= 1
