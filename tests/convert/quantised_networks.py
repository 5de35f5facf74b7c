"""A small trained network quantised in many ways, and how far PyTorch is from ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from integer_sums import skip_if_sums_overflow
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from onnxplain.convert import to_torch
from onnxplain.graph.quantised import quantisation_step
from tests.engines import logits_of

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


def static(path, form, **settings):
    """Quantise the digits network; by default signed weights per channel."""
    settings = {
        "per_channel": True, "activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8,
        **settings,
    }  # fmt: skip
    quantize_static(DIGITS, path, Calibration(), quant_format=form, **settings)


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


def each_node_is_within_one_step(graph, x):
    """Assert it, given ONNX Runtime's values of the inputs of every node; count the integers."""
    skip_if_sums_overflow(graph.model, as_written=True)
    program, values = to_torch(graph), every_tensor(graph, x)
    integers = 0
    for step in program.steps:
        feeds = {n: torch.from_numpy(values[n]) for n in step.inputs if n in values}
        got = program.run(feeds, step.outputs)
        for name in step.outputs:
            wanted = values[name]
            result = got[name].numpy().astype(np.float64)
            if wanted.dtype in (np.uint8, np.int8, np.uint16, np.int16):
                integers += 1
                distance = np.abs(result - wanted.astype(np.float64))
                assert distance.max() <= 1, step.node
                assert (distance == 0).mean() > 0.99, step.node
            else:
                # The integer kernel of a softmax multiplies by the whole part of 1 / scale.
                slack = quantisation_step(graph, name) if step.node.op_type == "Softmax" else 0
                atol = 1e-4 * np.abs(wanted).max() + slack
                np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=atol, err_msg=name)
    return integers


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
    skip_if_sums_overflow(graph.model)
    tensor = logits_of(graph)
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    deployed = scores_of(graph.model, feed, tensor, level)
    program = to_torch(graph)
    with torch.no_grad():
        got = np.concatenate(
            [program.run({"image": torch.from_numpy(x)}, [tensor])[tensor] for x in feed]
        )
    step = quantisation_step(graph, tensor)
    unit = step or np.ptp(deployed) / 255
    assert np.ptp(deployed, axis=0).max() > 8 * unit  # the inputs make a difference
    apart = float(np.abs(got.astype(np.float64) - deployed).max() / unit)
    # Quantised scores are whole steps apart, but for the rounding of each as a float32.
    rounding = 2 * np.finfo(np.float32).eps * np.abs(deployed).max() / unit
    return round(apart) if step and abs(apart - round(apart)) <= rounding else apart
