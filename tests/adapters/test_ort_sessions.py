"""One ONNX Runtime session for each set of exposed tensors, made once."""

import graphs
import numpy as np
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
