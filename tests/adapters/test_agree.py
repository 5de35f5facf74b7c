"""Two engines, one function: every tensor agrees, and slopes are those of the function."""

import graphs
import nets
import numpy as np
import onnx
import pytest
from awkward_graphs import AWKWARD
from graphs import classifier
from handmade import context_of, model, target_of
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from onnxplain.adapters.base import Signal
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.torch import TorchAdapter
from onnxplain.convert import missing_operators
from onnxplain.errors import ConversionError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from tests.engines import gradients, relevance

TOLERANCE = 1e-5
X = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).astype(np.float32)


def both(proto):
    graph = prepare(proto)
    image = find_image_input(graph)
    output = graph.outputs[0].name
    return graph, OrtAdapter(graph, image, output), TorchAdapter(graph, image, output)


def assert_every_tensor_agrees(proto, x):
    graph, ort, pytorch = both(proto)
    names = list(graph.tensor_names())
    wanted, got = ort.activations(x, names), pytorch.activations(x, names)
    assert wanted.keys() == got.keys() == set(names)
    floating = [n for n in names if wanted[n].dtype.kind == "f"]
    assert max(np.ptp(wanted[n]) for n in floating if n != graph.inputs[0].name) > 0.01
    for name in names:
        assert got[name].shape == wanted[name].shape, name
        if name in floating:
            error = np.abs(got[name] - wanted[name]).max() / max(np.ptp(wanted[name]), 1e-6)
            assert error < TOLERANCE, name
        else:
            np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


CONVERTIBLE = [n for n, p in AWKWARD.items() if not missing_operators(prepare(p))]
RANDOM = "Dropout that trains"


def test_all_awkward_graphs_convert():
    assert [*AWKWARD] == CONVERTIBLE


@pytest.mark.parametrize("name", [n for n in CONVERTIBLE if n != RANDOM])
def test_every_tensor_of_awkward_graphs(name):
    assert_every_tensor_agrees(AWKWARD[name], X)


def test_randomness_at_inference_is_refused():
    with pytest.raises(ConversionError, match="dropout in training mode"):
        both(AWKWARD[RANDOM])[2].activations(X, ["y"])


@pytest.mark.parametrize("name", nets.NETS)
def test_every_tensor_of_networks(name):
    assert_every_tensor_agrees(nets.exported(name).proto, nets.images(name, 2).astype(np.float32))


@pytest.mark.parametrize("final", [None, "Softmax", "LogSoftmax", "Sigmoid"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_tensor_of_the_classifier(final, layout):
    proto = classifier(final=final, layout=layout, extra=True)
    side = graphs.SIDE
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, side, side)).astype(np.float32)
    assert_every_tensor_agrees(proto, x if layout == "NCHW" else np.moveaxis(x, 1, -1).copy())


def test_another_weight_is_noticed():
    proto = classifier()
    changed = numpy_helper.to_array(proto.graph.initializer[0]) * 1.0001
    proto_changed = onnx.ModelProto()
    proto_changed.CopyFrom(proto)
    proto_changed.graph.initializer[0].CopyFrom(numpy_helper.from_array(changed, "w1"))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, graphs.SIDE, graphs.SIDE)).astype(np.float32)
    wanted = both(proto)[1].activations(x, ["maps"])["maps"]
    got = both(proto_changed)[2].activations(x, ["maps"])["maps"]
    assert np.abs(got - wanted).max() / np.ptp(wanted) > TOLERANCE


def in_float64(proto):
    """The same model with float64 inputs and weights, for the standard's own evaluator."""
    double = onnx.ModelProto()
    double.CopyFrom(proto)
    for tensor in double.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    del double.graph.value_info[:]
    for value in [*double.graph.input, *double.graph.output]:
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    return double


def starting_at(proto, tensor):
    """Evaluator of what follows `tensor`."""
    cut = onnx.ModelProto()
    cut.CopyFrom(proto)
    if tensor != "image":
        behind = onnx.helper.make_empty_tensor_value_info(tensor)
        behind.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
        reached = {tensor}
        nodes = []
        for item in cut.graph.node:
            if reached & set(item.input):
                nodes.append(item)
                reached.update(item.output)
        del cut.graph.node[:]
        cut.graph.node.extend(nodes)
        cut.graph.input[0].CopyFrom(behind)
    return ReferenceEvaluator(cut)


CASES = [
    (None, "logit", None),
    (None, "logit", 0),
    (None, "probability", None),
    ("Softmax", "logit", None),
    ("Softmax", "probability", 1),
    ("LogSoftmax", "probability", None),
    ("Sigmoid", "probability", None),
]


@pytest.mark.parametrize(("final", "kind", "contrast"), CASES)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_gradients_against_finite_differences(final, kind, contrast, layout):
    proto = classifier(final=final, layout=layout)
    context = context_of(proto)
    target = target_of(context, 2, kind, contrast=contrast)
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (1, *context.network.image.shape[1:]))
    found = gradients(context.network.torch, x, target, ["image", "maps", "embedding"])
    double = in_float64(proto)
    for tensor, slope in found.gradients.items():
        follow = starting_at(double, tensor)
        start = found.values[tensor]

        def score(values, follow=follow, tensor=tensor):
            read = ReferenceEvaluator.run(follow, [target.tensor], {tensor: values})[0]
            return float(target.score({target.tensor: read})[0])

        assert score(start) == pytest.approx(found.scores[0], rel=1e-12, abs=1e-12)
        assert np.abs(slope).max() > 1e-4
        for _ in range(4):
            way = rng.standard_normal(start.shape)
            if tensor != "image":
                way *= start > 0  # behind ReLU, zeros are where the slope is defined from one side
            step = 1e-6
            difference = (score(start + step * way) - score(start - step * way)) / (2 * step)
            assert (slope * way).sum() == pytest.approx(difference, rel=1e-6, abs=1e-9), tensor


def test_the_gradient_of_another_class_is_another_one():
    context = context_of(classifier())
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, graphs.SIDE, graphs.SIDE))
    one, other = (
        gradients(context.network.torch, x, target_of(context, k), ["image"]).gradients["image"]
        for k in (0, 1)
    )
    assert np.abs(one - other).max() > 0.1 * np.abs(one).max()


def test_a_tensor_that_the_score_ignores_has_no_slope():
    """The second result of a node whose first one counts."""
    body = "used, aside, third = Split<axis = 1>(image) f = Flatten(used) scores = MatMul(f, w)"
    context = context_of(model(body, w=graphs.weights(36, 4)))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 6, 6))
    found = gradients(context.network.torch, x, target_of(context, 1), ["used", "aside"])
    assert found.gradients["used"].any()
    assert found.gradients["aside"].shape == (1, 1, 6, 6)
    assert not found.gradients["aside"].any()


def test_relevance_starts_with_what_the_target_says():
    """Of a probability too: slope times value of each logit, here by NumPy alone."""
    context = context_of(classifier())
    engine, rules = context.network.torch, composite("epsilon-plus")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, graphs.SIDE, graphs.SIDE))
    logits = engine.activations(x, ["scores"])["scores"]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    slopes = shares[:, :1] * (np.eye(graphs.CLASSES)[0] - shares)
    (expected,) = engine.relevance(x, [Signal("scores", slopes * logits)], rules, ["image"])
    found = relevance(engine, x, target_of(context, 0, "probability"), rules, ["image"])
    np.testing.assert_allclose(found.scores, shares[:, 0], rtol=1e-12)
    wanted = expected.relevance["image"]
    assert np.abs(wanted).max() > 1e-3
    assert np.abs(found.relevance["image"] - wanted).max() < 1e-12 * np.abs(wanted).max()
