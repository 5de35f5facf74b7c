"""One ONNX Runtime session for each set of exposed tensors, made once."""

import gc
import weakref

import graphs
import numpy as np
import onnx
import onnxruntime
import pytest
from graphs import classifier

import onnxplain
from onnxplain.errors import ImageError, UnsupportedModelError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

X = np.random.default_rng(0).uniform(-1, 1, (2, 3, graphs.SIDE, graphs.SIDE)).astype(np.float32)


@pytest.fixture
def made(monkeypatch):
    """Names of the outputs of every session that is constructed."""
    outputs = []
    original = onnxruntime.InferenceSession

    def counting(*arguments, **options):
        session = original(*arguments, **options)
        outputs.append([o.name for o in session.get_outputs()])
        return session

    monkeypatch.setattr(onnxruntime, "InferenceSession", counting)
    return outputs


def test_sessions_are_reused(made):
    network = Network(prepare(classifier(final="Softmax")), device="cpu")
    assert made == []
    engine, x = network.ort, X[:1]  # of several, it would be asked whether they may meet
    assert made == [["scores"]]
    for _ in range(3):
        engine.forward(x)
        engine.activations(x, ["scores", "image"])
    assert len(made) == 1
    for _ in range(3):
        engine.activations(x, ["maps", "logits"])
        engine.activations(x, ["logits", "scores", "maps", "maps"])
    assert made == [["scores"], ["scores", "logits", "maps"]]


def test_an_explanation_opens_the_file_and_each_set_once(made):
    model = onnxplain.load(classifier(final="Softmax"), preprocess="minus-one-one", device="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (graphs.SIDE, graphs.SIDE, 3), np.uint8)
    for target in (0, 1, 2):
        model.explain(picture, "occlusion", target)
        model.explain(picture, "cam", target)
    once = [sorted(m) for m in made]
    assert len(once) == len({tuple(m) for m in once})


def test_an_output_is_the_same_with_and_without_company():
    engine = Network(prepare(classifier(final="Softmax")), device="cpu").ort
    alone = engine.forward(X)
    together = engine.activations(X, ["scores", "maps", "c1", "logits"])["scores"]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_a_wrong_input_is_one_line():
    engine = Network(prepare(classifier()), device="cpu").ort
    with pytest.raises(
        ImageError, match=r"rejects input 'image' of shape \(1, 3, 5, 4\)"
    ) as caught:
        engine.forward(np.zeros((1, 3, 5, 4)))
    assert "\n" not in str(caught.value)


def test_a_model_that_onnx_runtime_cannot_open_is_one_line():
    proto = classifier()
    proto.graph.node[1].op_type = "Nonsense"
    with pytest.raises(UnsupportedModelError, match=r"cannot run this model.*Nonsense") as caught:
        _ = Network(prepare(proto), device="cpu").ort
    assert "\n" not in str(caught.value)


def part(weight):
    """A part of a graph, y = x + w, with its weight left out."""
    engine = Network(prepare(classifier(final="Softmax")), device="cpu").ort
    info = onnx.helper.make_tensor_value_info
    held = onnx.TensorProto(
        name="w",
        dims=weight.shape,
        data_type=onnx.TensorProto.FLOAT,
        data_location=onnx.TensorProto.EXTERNAL,
    )
    held.external_data.add(key="location", value="w")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "part",
        [info("x", onnx.TensorProto.FLOAT, weight.shape)],
        [info("y", onnx.TensorProto.FLOAT, weight.shape)],
        [held],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=opset)
    return engine._open_part(model.SerializeToString(), {"w": weight})


WEIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    "weight",
    [WEIGHT, WEIGHT.T, WEIGHT[:, ::2], WEIGHT[::-1], np.asfortranarray(WEIGHT), WEIGHT[:0]],
    ids=["in one piece", "transposed", "every other", "reversed", "by columns", "empty"],
)
def test_weights_may_lie_in_memory_in_any_order(weight):
    x = np.random.default_rng(0).normal(size=weight.shape).astype(np.float32)
    np.testing.assert_array_equal(part(weight)({"x": x})[0], x + weight)


def test_weights_stay_in_memory_as_long_as_the_part_that_reads_them():
    weight = WEIGHT.copy()
    seen = weakref.ref(weight)
    run = part(weight)
    del weight
    gc.collect()
    assert seen() is not None
    np.testing.assert_array_equal(run({"x": np.zeros_like(WEIGHT)})[0], WEIGHT)
    del run
    gc.collect()
    assert seen() is None


def test_a_part_that_is_opened_quickly_says_the_same(made):
    network = Network(prepare(classifier(final="Softmax")), device="cpu")
    graph, sessions = network.graph, network.ort.sessions
    file = graph.model.SerializeToString()
    quick, slow = (
        sessions.keeping_part(file, graph.weights, ["scores"], quickly=q) for q in (True, False)
    )
    found = [part.run({"image": X})["scores"].numpy() for part in (quick, slow)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    levels = [p.session.get_session_options().graph_optimization_level for p in (quick, slow)]
    assert levels[0] == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC != levels[1]


def test_a_session_that_was_begun_ahead_is_opened_once(made):
    network = Network(prepare(classifier(final="Softmax")), device="cpu")
    network.ort.sessions.open_ahead(["maps"])
    network.ort.sessions.open_ahead(["maps"])
    first = network.ort.sessions.exposing(["maps"])
    assert network.ort.sessions.exposing(["maps"]) is first
    assert made == [["scores"], ["scores", "maps"]]
