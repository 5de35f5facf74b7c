"""The same EfficientNet-Lite0 in files that differ: the same explanation from each of them."""

import functools

import nets
import numpy as np
import onnx
import pytest
import torch
from applicable import WITHOUT_ATTENTION
from originals import LITE0, difference, lite0_exactly, pair

import onnxplain
from onnxplain.methods import registered

TOLERANCE = 1e-4
# One of each way to compute a map by default; the others differ in what they do with the same
# forward passes, gradients and relevance.
QUICK = {
    "occlusion",
    "cam",
    "grad-cam",
    "recipro-cam",
    "gradient",
    "guided-backprop",
    "lrp",
    "rise",
}
METHODS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in WITHOUT_ATTENTION
]
OPTIONS = {
    "occlusion": {"window": 56, "stride": 56},
    "integrated-gradients": {"steps": 4, "max_steps": 4},
    "expected-gradients": {"samples": 4},
    "guided-ig": {"steps": 3},
    "blur-ig": {"steps": 4, "max_steps": 4},
    "smoothgrad": {"samples": 2},
    "smoothgrad-squared": {"samples": 2},
    "vargrad": {"samples": 2},
    "lime": {"samples": 8, "segments": "grid", "regions": 4},
    "kernel-shap": {"samples": 8, "segments": "grid", "regions": 4},
    "sobol": {"samples": 4, "regions": 4},
    "hsic": {"samples": 8, "regions": 4},
    "region-search": {"segments": "grid", "regions": 4},
    "rise": {"samples": 8},
    "prediction-difference": {"samples": 1, "window": 56, "stride": 56, "sampler": "marginal"},
    "score-cam": {"channels": 8},
}
CONTROL = 281  # tabby; the photo is of a tiger cat
OF_NO_CLASS = {"activation", "eigen-cam"}


def explain(model, method, target=None, layout="NCHW"):
    x = pair("lite0").x
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    return model.explain(x, method, target, **OPTIONS.get(method, {}))


def precision(method):
    """Float64 where gradients are used: in float32 some ReLU6 flips by rounding."""
    return "single" if registered()[method].runs_on == "ONNX Runtime" else "double"


@functools.cache
def shipped(method, target=None):
    """Explanation from the shipped file: default exporter, opset 18."""
    return explain(getattr(pair("lite0"), precision(method)), method, target)


def recipe():
    return onnxplain.Preprocess.load(LITE0.with_suffix(".preprocess.json"))


def test_the_quick_ones_are_methods():
    assert set(WITHOUT_ATTENTION) >= QUICK


@functools.cache
def by_torchscript(precision="single"):
    net = lite0_exactly().float()
    proto = nets.export(net, torch.from_numpy(pair("lite0").x), opset=17, folded=True)
    assert proto.opset_import[0].version == 17
    return onnxplain.load(proto, preprocess=recipe(), precision=precision, scores="logits")


def changed(change):
    proto = onnx.load(LITE0)
    change(proto.graph)
    onnx.checker.check_model(proto)
    return proto


def put_channels_last(graph):
    node = onnx.helper.make_node("Transpose", ["last"], ["image"], perm=[0, 3, 1, 2])
    graph.node.insert(0, node)
    shape = ["N", 224, 224, 3]
    graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("last", 1, shape))


def put_softmax(graph):
    logits = graph.output[0].name
    graph.node.append(onnx.helper.make_node("Softmax", [logits], ["probabilities"], axis=-1))
    graph.output[0].name = "probabilities"


@functools.cache
def channels_last(precision="single"):
    layout = {**recipe().to_dict(), "layout": "NHWC"}
    given = onnxplain.Preprocess.from_dict(layout)
    proto = changed(put_channels_last)
    return onnxplain.load(proto, preprocess=given, precision=precision, scores="logits")


@functools.cache
def ends_in_softmax(precision="single"):
    return onnxplain.load(changed(put_softmax), preprocess=recipe(), precision=precision)


def assert_same(found, method):
    expected = shipped(method)
    assert found.target.index == expected.target.index
    assert found.score == pytest.approx(expected.score, rel=1e-4)
    assert difference(found.attribution, expected.attribution) < TOLERANCE
    apart = difference(shipped(method, CONTROL).attribution, expected.attribution)
    assert apart == 0 if method in OF_NO_CLASS else apart > 1e-2


@pytest.mark.parametrize("method", METHODS)
def test_torchscript_exporter_and_opset_17(method):
    assert_same(explain(by_torchscript(precision(method)), method), method)


@pytest.mark.parametrize("method", METHODS)
def test_channels_last(method):
    model = channels_last(precision(method))
    assert model.network.image.layout == "NHWC"
    found = explain(model, method, layout="NHWC")
    expected = shipped(method)
    attribution = found.attribution
    if attribution.ndim == 3:
        attribution = np.moveaxis(attribution, -1, 0)
    assert difference(attribution, expected.attribution) < TOLERANCE
    if method == "counterfactual-grad-cam":  # nothing speaks against the first class
        assert not found.heatmap().any()
        assert not expected.heatmap().any()
    else:
        assert difference(found.heatmap(), expected.heatmap()) < TOLERANCE


@pytest.mark.parametrize("method", METHODS)
def test_ends_in_softmax(method):
    model = ends_in_softmax(precision(method))
    assert [n.op_type for n in model.network.head.stripped] == ["Softmax"]
    assert_same(explain(model, method), method)


def test_the_layers_are_the_same_tensor_in_every_file():
    names = {m.network.layer(None).grid for m in (by_torchscript(), channels_last())}
    assert names == {(7, 7)}
    layer = shipped("grad-cam").layer
    assert {m.network.layer(None).name for m in (channels_last(), ends_in_softmax())} == {layer}
