"""How strongly filters answer: which layers are read, and what their shares are."""

import numpy as np
import pytest
from features.small import inputs, opened, tensors

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.features import responses as module
from onnxplain.features.responses import FeatureLayer, batch_size, feature_layers, responses

DIGIT = "examples/digits/3-10.png"


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-softmax.onnx")


def names(body, **more):
    return [layer.name for layer in feature_layers(opened(body, **more))]


def test_candidates_are_read_behind_their_activation_and_without_the_scores(model):
    layers = feature_layers(model)
    assert [(layer.name, layer.channels, layer.first) for layer in layers] == [
        ("/2/Relu_output_0", 12, 0),
        ("/6/Relu_output_0", 24, 12),
        ("/9/Relu_output_0", 32, 36),
    ]
    assert [layer.spatial is None for layer in layers] == [False, False, True]
    lite = onnxplain.load("models/efficientnet-lite0.onnx")
    names = [layer.name for layer in feature_layers(lite)]
    assert len(names) == 49
    assert "relu6_32" in names
    assert "logits" not in names
    assert 1 <= batch_size(lite, feature_layers(lite)) < 32
    keras = feature_layers(onnxplain.load("models/fashion-cnn.onnx"))
    assert [layer.channels for layer in keras] == [24, 48, 64]


def test_named_layers_only(model):
    (layer,) = feature_layers(model, ["/6/Relu"])
    assert (layer.name, layer.first) == ("/6/Relu_output_0", 0)
    with pytest.raises(UnknownNameError, match="unknown layer"):
        feature_layers(model, ["nonsense"])
    vit = onnxplain.load("models/digits-vit.onnx")
    softmax = next(n.output for n in vit.network.graph.nodes if n.op_type == "Softmax")
    with pytest.raises(MethodRefusedError, match="neither places nor"):
        feature_layers(vit, [softmax])


def test_responses_by_the_paper(model):
    """Squared norms over places, shares of the layer, all layers scaled to length one."""
    layers = feature_layers(model)
    x = model.read(DIGIT).x
    values = model.network.ort.activations(x, [layer.name for layer in layers])
    expected = []
    for layer in layers:
        maps = values[layer.name][0].astype(float)
        power = [float((maps[k] ** 2).sum()) for k in range(layer.channels)]
        expected += [p / sum(power) for p in power]
    expected = np.array(expected) / np.linalg.norm(expected)
    np.testing.assert_allclose(responses(values, layers)[0], expected, rtol=1e-5, atol=1e-9)


def test_responses_of_a_network_that_numpy_computes():
    """In float64 from exact activations; each row has length one."""
    x = inputs(0, 1, 2)
    layers = feature_layers(opened())
    assert [(la.name, la.channels, la.first) for la in layers] == [
        ("b", 4, 0), ("d", 5, 4), ("r", 6, 9)
    ]  # fmt: skip
    values = tensors(x)
    found = responses({n: values[n] for n in ("b", "d", "r")}, layers)
    powers = [(values[n].reshape(3, c, -1) ** 2).sum(2) for n, c in (("b", 4), ("d", 5), ("r", 6))]
    wanted = np.concatenate([p / p.sum(axis=1, keepdims=True) for p in powers], axis=1)
    wanted /= np.sqrt((wanted**2).sum(axis=1, keepdims=True))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_layer_that_is_silent_has_no_share():
    layers = [FeatureLayer("u", 2, 0, None), FeatureLayer("v", 3, 2, None)]
    silent, loud = np.zeros((2, 2)), np.array([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    found = responses({"u": silent, "v": loud}, layers)
    shares = np.array([9.0, 0.0, 16.0]) / 25
    wanted = [[0, 0, *shares / np.linalg.norm(shares)], [0] * 5]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(("behind", "wanted"), [
    ("b = Relu(a)", "b"),
    ("n = Mul(a, gain) m = Add(n, gain) b = Relu(m)", "b"),
    # Two readers, or a sum with a shortcut: what follows is not this layer's alone.
    ("n = Relu(a) m = Neg(a) b = Add(n, m)", "a"),
    ("n = Sigmoid(image) b = Mul(a, n)", "a"),
])  # fmt: skip
def test_a_layer_is_read_as_far_as_it_is_alone(behind, wanted):
    body = f"""
        a = Conv<pads = [1,1,1,1]>(image, k0) {behind}
        g = GlobalMaxPool(b) scores = Flatten(g)
    """
    k0 = np.random.default_rng(0).integers(-2, 3, (3, 3, 3, 3)).astype(np.float32)
    assert names(body, k0=k0, gain=np.array([2.0], np.float32)) == [wanted]


def test_the_scores_are_no_feature():
    with pytest.raises(MethodRefusedError, match="no layer before its scores"):
        names("g = GlobalMaxPool(image) f = Flatten(g) scores = MatMul(f, w0)", w0=np.ones((3, 4)))


def test_layers_beside_the_scores_do_not_count():
    body = """
        a = Conv<pads = [1,1,1,1]>(image, k1) b = Relu(a) o = Conv(b, k2) p = Relu(o)
        g = GlobalMaxPool(b) scores = Flatten(g)
    """
    assert names(body) == ["b"]


def test_a_layer_is_named_once():
    assert [la.name for la in feature_layers(opened(), ["d", "b", "d"])] == ["d", "b"]


def test_batches_are_bounded_by_what_their_activations_take(monkeypatch):
    small = opened(batch_size=16)
    layers = feature_layers(small)
    assert batch_size(small, layers) == 16
    floats = 4 * 144 + 5 * 36 + 6
    monkeypatch.setattr(module, "_MEMORY", 4 * floats * 3.5)
    assert batch_size(small, layers) == 3
    monkeypatch.setattr(module, "_MEMORY", 1)
    assert batch_size(small, layers) == 1
