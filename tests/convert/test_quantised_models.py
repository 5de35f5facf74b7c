"""Whole quantised networks: each node within one step of ONNX Runtime, gradients that mean it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.ndimage
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from onnxplain.convert import to_torch
from onnxplain.graph.head import find_head
from onnxplain.graph.prepare import prepare
from onnxplain.graph.quantised import quantisation_step
from tests.convert.oracle import make_model

MODELS = Path(__file__).parents[2] / "models"
LITE0 = MODELS / "efficientnet-lite0-int8.onnx"
DIGITS = MODELS / "digits-softmax.onnx"


def digits(count, seed):
    """Smooth images of 8 x 8 in the range of the digits."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 1, (count, 1, 4, 4)).astype(np.float32)
    return np.kron(coarse, np.ones((2, 2), np.float32))


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"image": digits(64, 1)}])

    def get_next(self):
        return next(self.batches, None)


def static(path, form):
    quantize_static(
        DIGITS, path, Calibration(), quant_format=form, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip


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


def every_tensor(graph, x):
    """Values of all activations from ONNX Runtime, node by node as the file says."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    names = [n for n in graph.tensor_names() if n not in {i.name for i in graph.inputs}]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = dict(zip(names, session.run(names, {graph.inputs[0].name: x}), strict=True))
    return {graph.inputs[0].name: x, **values}


def test_each_node_is_within_one_step_of_onnx_runtime(quantised):
    graph, x = quantised
    program, values = to_torch(graph), every_tensor(graph, x)
    integers = 0
    for step in program.steps:
        feeds = {n: torch.from_numpy(values[n]) for n in step.inputs if n in values}
        got = program.run(feeds, step.outputs)
        for name in step.outputs:
            wanted = values[name]
            result = got[name].numpy().astype(np.float64)
            if wanted.dtype in (np.uint8, np.int8):
                integers += 1
                distance = np.abs(result - wanted.astype(np.float64))
                assert distance.max() <= 1, step.node
                assert (distance == 0).mean() > 0.99, step.node
            else:
                # The integer kernel of a softmax multiplies by the whole part of 1 / scale.
                slack = quantisation_step(graph, name) if step.node.op_type == "Softmax" else 0
                atol = 1e-4 * np.abs(wanted).max() + slack
                np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=atol, err_msg=name)
    assert integers >= 2


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


def scores_of(model, feed, tensor, level):
    """A tensor of several inputs from ONNX Runtime at a level of optimisation."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    if tensor not in {o.name for o in model.graph.output}:
        exposed.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        exposed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.concatenate([session.run([tensor], {"image": x})[0] for x in feed])


def steps_apart(graph, feed):
    """Largest difference of PyTorch from ONNX Runtime, in steps of the scores."""
    tensor = find_head(graph).logits
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    deployed = scores_of(graph.model, feed, tensor, level)
    program = to_torch(graph)
    with torch.no_grad():
        got = np.concatenate(
            [program.run({"image": torch.from_numpy(x)}, [tensor])[tensor] for x in feed]
        )
    step = quantisation_step(graph, tensor) or np.ptp(deployed) / 255
    assert np.ptp(deployed, axis=0).max() > 8 * step  # the inputs make a difference
    return np.abs(got - deployed).max() / step


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
