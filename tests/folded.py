"""Shipped models made to want another preprocessing: an independent truth for finding it."""

import numpy as np
import onnx
from onnx import numpy_helper

from onnxplain.inputs.preprocess import PRESETS, Preprocess


def folded(stem, wanted):
    """Return a shipped model that takes the inputs of the preset `wanted` instead of its own.

    The difference goes into the weights of the first convolution, so that no node tells of it;
    only where that convolution fills up its input with zeros are the answers a little different.
    """
    model = onnx.load(f"models/{stem}.onnx")
    own = Preprocess.load(f"models/{stem}.preprocess.json")
    values = {"scale": 1.0, "mean": (0.0,) * 3, "std": (1.0,) * 3} | PRESETS[wanted]
    mean, std = (np.array(values[k]) for k in ("mean", "std"))
    swapped = values.get("color") == "BGR"
    if swapped:
        mean, std = mean[::-1], std[::-1]
    # A pixel p is (p * scale - mean) / std for either; the own input is factor * x + shift.
    factor = std / values["scale"] * own.scale / np.array(own.std)
    shift = (mean / values["scale"] * own.scale - np.array(own.mean)) / np.array(own.std)
    tensors = {t.name: t for t in model.graph.initializer}
    _, weight_name, bias_name = model.graph.node[0].input
    weight = numpy_helper.to_array(tensors[weight_name]).astype(np.float64)
    bias = numpy_helper.to_array(tensors[bias_name]).astype(np.float64)
    bias = bias + (weight * shift[:, None, None]).sum(axis=(1, 2, 3))
    weight = weight * factor[:, None, None]
    if swapped:
        weight = weight[:, ::-1]
    for name, array in ((weight_name, weight), (bias_name, bias)):
        made = np.ascontiguousarray(array, np.float32)
        tensors[name].CopyFrom(numpy_helper.from_array(made, name))
    return model
