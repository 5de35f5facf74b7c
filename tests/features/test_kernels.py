"""Kernels are the initializers of the file, in the picture's colours."""

from dataclasses import replace

import graphs
import numpy as np
import onnx
import pytest
from graphs import build, node, value_info
from onnx import numpy_helper

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.features.kernels import kernels
from onnxplain.inputs.preprocess import preset


def stored(path, name):
    tensors = {t.name: t for t in onnx.load(path).graph.initializer}
    return numpy_helper.to_array(tensors[name])


def opened(proto, **options):
    recipe = preset("zero-one", "NCHW", (12, 12))
    return onnxplain.load(proto, preprocess=replace(recipe, **options))


def test_first_convolution_is_found_and_seen_in_colour():
    path = "models/efficientnet-lite0.onnx"
    proto = onnx.load(path)
    first = next(n for n in proto.graph.node if n.op_type == "Conv")
    found = kernels(onnxplain.load(path))
    assert found.layer == first.output[0]
    assert found.colors == "RGB"
    assert np.array_equal(found.values, stored(path, first.input[1]))


def test_blue_first_is_turned_round():
    proto = graphs.classifier()
    plain = kernels(opened(proto))
    turned = kernels(opened(proto, color="BGR"))
    assert np.array_equal(turned.values, plain.values[:, ::-1])
    assert not np.array_equal(turned.values, plain.values)


def test_activation_leads_to_its_convolution_and_deeper_layers_have_no_colours():
    model = opened(graphs.classifier())
    assert kernels(model, "maps").layer == "c2"
    assert kernels(model, "maps").colors == ""
    assert np.array_equal(kernels(model, "maps").values, graphs.weights(12, 6, 3, 3, seed=3))


def test_strongest_filters():
    found = kernels(opened(graphs.classifier()))
    norms = [np.linalg.norm(v) for v in found.values]
    assert found.strongest(2) == sorted(np.argsort(norms)[::-1][:2])


def test_int8_weights_are_those_of_the_float_twin_to_one_step():
    whole = kernels(onnxplain.load("models/efficientnet-lite0.onnx"))
    coarse = kernels(onnxplain.load("models/efficientnet-lite0-int8.onnx"))
    step = np.abs(whole.values).max(axis=(1, 2, 3), keepdims=True) / 127
    assert coarse.values.shape == whole.values.shape
    # Filters that are next to nothing are stored as nothing.
    assert (np.abs(coarse.values - whole.values) <= np.maximum(step, 1e-6)).all()
    assert not np.array_equal(coarse.values, whole.values)


def test_quantised_operator():
    scale = np.array([0.5, 2.0], np.float32)
    zero = np.zeros(2, np.int8)
    weight = np.arange(-9, 9, dtype=np.int8).reshape(2, 1, 3, 3)
    unit = {"one": np.float32(1), "nought": np.uint8(0)}
    nodes = [
        node("QuantizeLinear", ["image", "one", "nought"], ["q"]),
        node("QLinearConv", ["q", "one", "nought", "w", "s", "z", "one", "nought"], ["c"]),
        node("DequantizeLinear", ["c", "one", "nought"], ["d"]),
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Flatten", ["g"], ["scores"]),
    ]
    proto = build(
        nodes, [value_info("scores", ["N", 2])], {"w": weight, "s": scale, "z": zero, **unit},
        inputs=[value_info("image", ["N", 1, 12, 12])],
    )  # fmt: skip
    model = onnxplain.load(proto, preprocess=preset("zero-one", "NCHW", (12, 12), 1))
    assert np.array_equal(kernels(model).values, weight * scale[:, None, None, None])


def test_refusals():
    model = opened(graphs.classifier())
    with pytest.raises(MethodRefusedError, match=r"by a convolution; .* c1, c2"):
        kernels(model, "pooled")
    with pytest.raises(UnknownNameError, match="unknown layer"):
        kernels(model, "nonsense")
    linear = build(
        [node("Flatten", ["image"], ["f"]), node("MatMul", ["f", "w"], ["scores"])],
        [value_info("scores", ["N", 2])],
        {"w": graphs.weights(432, 2)},
        inputs=[value_info("image", ["N", 3, 12, 12])],
    )
    with pytest.raises(MethodRefusedError, match="no convolution"):
        kernels(opened(linear))
