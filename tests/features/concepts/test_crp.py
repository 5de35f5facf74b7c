"""Relevance through single channels: identities, a transcription of the rule, refusals."""

import numpy as np
import pytest
from features.small import opened, pixels
from originals import difference, pair

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.explanations.display import reduce_channels
from onnxplain.features.archive import read_archive
from onnxplain.features.concepts.crp import channel_shares, concept_relevance, conditional_maps

RNG = np.random.default_rng(1)
# A residual block: what goes around "r" belongs to none of its channels.
AROUND = """
    f = Flatten(image) a = MatMul(f, w1) r = Relu(a) b = MatMul(r, w2) s = Add(a, b)
    scores = MatMul(s, w3)
"""
WEIGHTS = {
    "w1": RNG.normal(size=(432, 5)).astype(np.float32),
    "w2": RNG.normal(size=(5, 5)).astype(np.float32),
    "w3": RNG.normal(size=(5, 3)).astype(np.float32),
}


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


@pytest.fixture(scope="module")
def residual():
    return opened(AROUND, precision="double", labels=("a", "b", "c"), **WEIGHTS)


def test_conditional_maps_of_all_channels_add_up_to_the_unconditional_map(model):
    found = concept_relevance(model, pixels(0), "d", channels=range(5))
    assert found.layer == "d"
    np.testing.assert_allclose(found.maps.sum(axis=0), found.whole, atol=1e-12)
    assert difference(found.maps[0], found.whole) > 1e-2
    np.testing.assert_allclose(
        found.relevance.sum(), found.explanation.maps["at"].sum(), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_the_same_in_deep_networks(name):
    made = pair(name)
    network = made.double.network
    layer = network.layer(None)
    target = made.double.explain(made.x, "lrp").target
    maps = conditional_maps(made.double, made.x, target, layer.name, range(layer.channels))
    whole = made.double.explain(made.x, "lrp", target)
    assert difference(maps[:, 0].sum(axis=0), reduce_channels(whole.attribution, whole.axes)) < 1e-6


def residual_by_hand(x, index, epsilon=1e-6):
    """Relevance of the input through each unit of "r", and around all of them (epsilon rule)."""

    def stabilised(z):
        return z + np.where(z >= 0, epsilon, -epsilon)

    w1, w2, w3 = (WEIGHTS[n].astype(np.float64) for n in ("w1", "w2", "w3"))
    f = x.reshape(-1).astype(np.float64)
    a = f @ w1
    r = np.maximum(a, 0)
    b = r @ w2
    s = a + b
    score = s @ w3
    of_s = s * w3[:, index] * score[index] / stabilised(score[index])
    of_b, of_a = of_s * b / stabilised(s), of_s * a / stabilised(s)
    of_r = r * (w2 @ (of_b / stabilised(b)))

    def to_input(relevance):
        return (f * (w1 @ (relevance / stabilised(a)))).reshape(x.shape[1:]).sum(axis=0)

    return [to_input(np.where(np.arange(5) == k, of_r, 0)) for k in range(5)], to_input(of_a), of_r


def test_what_goes_around_a_layer_belongs_to_none_of_its_channels(residual):
    picture = residual.read(pixels(3))
    found = concept_relevance(
        residual, picture, "r", target="b", channels=range(5), composite="epsilon"
    )
    index = 1
    others = found.explanation.target.others
    assert others  # the mean of the other classes is subtracted: linear in the start
    target = found.explanation.target.__class__(1, "logit", "scores", "none", 3)
    maps = conditional_maps(residual, picture.x, target, "r", range(5), "epsilon")[:, 0]
    through, around, relevance = residual_by_hand(picture.x, index)
    np.testing.assert_allclose(maps, through, atol=1e-9 * np.abs(through).max())
    assert np.abs(around).max() > 0.1 * np.abs(through).max()
    whole = residual.explain(picture, "lrp", target, composite="epsilon")
    np.testing.assert_allclose(
        maps.sum(axis=0) + around, reduce_channels(whole.attribution, whole.axes), rtol=1e-9,
        atol=1e-9 * np.abs(around).max(),
    )  # fmt: skip
    shares = channel_shares(residual, picture.x, target, "r", "epsilon")[0]
    np.testing.assert_allclose(shares, relevance / np.abs(relevance).sum(), rtol=1e-9)


def test_the_most_relevant_channels_are_shown_and_all_are_saved(model, tmp_path):
    found = concept_relevance(model, pixels(0), "d", count=2)
    assert found.channels == np.argsort(-np.abs(found.relevance))[:2].tolist()
    found.save(tmp_path / "x.npz", model)
    record, arrays = read_archive(tmp_path / "x.npz", "concept relevance")
    assert record["layer"] == "d"
    np.testing.assert_array_equal(arrays["relevance"], found.relevance)
    np.testing.assert_array_equal(arrays["maps"], found.maps)


def test_the_layer_of_class_activation_maps_is_the_default(model):
    assert concept_relevance(model, pixels(0)).layer == model.network.layer(None).name


@pytest.mark.parametrize(
    ("layer", "options", "error", "message"),
    [
        ("d", {"channels": [5]}, UsageError, r"channel 5 is out of range: 'd' has 0\.\.4"),
        ("nothing", {}, UnknownNameError, "nothing"),
        ("d", {"target": "dog"}, UnknownNameError, "dog"),
        ("d", {"composite": "best"}, UnknownNameError, "best"),
    ],
)
def test_refusals(model, layer, options, error, message):
    with pytest.raises(error, match=message):
        concept_relevance(model, pixels(0), layer, **options)


def test_a_tensor_without_channels_is_refused():
    body = "m = ReduceMean<keepdims = 0, axes = [1, 2, 3]>(image) u = Unsqueeze(m, one)"
    body += " scores = MatMul(u, w)"
    w = np.ones((1, 3), np.float32)
    model = opened(body, labels=("a", "b", "c"), one=np.array([1]), w=w)
    with pytest.raises(MethodRefusedError, match="no axis that is known to hold channels"):
        concept_relevance(model, pixels(0), "m")
