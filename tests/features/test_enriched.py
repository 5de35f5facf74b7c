"""A prediction by its features: their shares of the evidence, and where they were seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from features.small import CLASSES, WEIGHTS, inputs, opened, pixels, tensors
from torch.nn.functional import conv_transpose2d

import onnxplain
from onnxplain.errors import ParityError, UnknownNameError, UsageError
from onnxplain.features.archive import origin, read_archive
from onnxplain.features.enriched import enrich
from onnxplain.features.relevant import Feature, RelevantFeatures
from onnxplain.features.responses import feature_layers, responses
from onnxplain.features.top_units import TopUnits
from onnxplain.network.filters import channel_signal

X = inputs(0)
FEATURES = [Feature("b", 0), Feature("b", 3), Feature("d", 1), Feature("d", 4)]
POSITIONS = np.array([0, 3, 5, 8])
WEIGHTS_OF = np.array([[1.0, 2.0, 0.0, -4.0], [-1.0, 0.0, -3.0, -2.0]])


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


@pytest.fixture(scope="module")
def bundle(model):
    """Selected by hand, for the classes ant and cat."""
    count = len(FEATURES)
    return RelevantFeatures(
        layers=["b", "d"], features=FEATURES, positions=POSITIONS, classes=[0, 2],
        weights=WEIGHTS_OF, typical=np.ones((2, count)), gaps=np.zeros(2),
        averages=np.zeros((count, 4, 4, 3), np.uint8), counts=np.ones(count, np.int64),
        units=TopUnits.empty(count, 1), names=["x"], skipped=[], mu=10.0, record=origin(model),
    )  # fmt: skip


def shares(model, row):
    """Response times weight over the sum of magnitudes, feature by feature."""
    layers = feature_layers(model, ["b", "d"])
    answers = responses(tensors(X), layers)[0].astype(np.float64)
    return answers[POSITIONS] * WEIGHTS_OF[row] / np.abs(WEIGHTS_OF[row]).sum()


def test_features_that_speak_for_the_class_come_by_their_evidence(model, bundle):
    found = enrich(model, pixels(0), bundle, target="ant", projection="gradient")
    wanted = shares(model, 0)
    assert found.index == 0
    order = [k for k in np.argsort(-wanted) if wanted[k] > 0]
    assert order == [f.position for f in found.features] != []
    for f in found.features:
        assert f.feature == FEATURES[f.position]
        assert f.weight == WEIGHTS_OF[0, f.position]
        assert f.evidence == pytest.approx(wanted[f.position], rel=1e-6)
    np.testing.assert_array_equal(found.prediction.logits, model.predict(pixels(0)).logits)


def test_a_heatmap_is_where_the_feature_was_seen(model, bundle):
    """By transposed convolution in PyTorch: the largest magnitude over the colours."""
    found = enrich(model, pixels(0), bundle, target="ant", projection="gradient", count=1)
    (feature,) = found.features
    assert feature.feature.layer == "b"
    values = tensors(X)
    seed = np.zeros_like(values["b"])
    seed[:, feature.feature.channel] = values["b"][:, feature.feature.channel]
    signal = torch.from_numpy(seed * (values["a"] > 0)).double()
    kernel = torch.from_numpy(WEIGHTS["k1"]).double()
    seen = np.abs(conv_transpose2d(signal, kernel, padding=1).numpy())[0].max(axis=0)
    wanted = (seen - seen.min()) / np.ptp(seen)
    np.testing.assert_allclose(feature.heatmap, wanted, atol=1e-9)
    np.testing.assert_array_equal(found.heatmap, feature.heatmap)


def test_the_whole_map_is_the_largest_at_each_pixel(model, bundle):
    found = enrich(model, pixels(0), bundle, target="ant")
    assert len(found.features) == 2
    wanted = np.maximum(*(f.heatmap for f in found.features))
    np.testing.assert_array_equal(found.heatmap, wanted)


def test_no_feature_may_speak_for_the_class(model, bundle, monkeypatch):
    """Then nothing is projected, and engines need not be compared."""
    monkeypatch.setattr(type(model), "measure_parity", None)
    found = enrich(model, pixels(0), bundle, target="cat")
    assert found.features == []
    np.testing.assert_array_equal(found.heatmap, np.zeros((12, 12)))


def test_the_prediction_is_explained_unless_asked_otherwise(model, bundle):
    best = int(tensors(X)["scores"][0].argmax())
    known = replace(bundle, classes=[best, (best + 1) % 3])
    assert enrich(model, pixels(0), known).index == best


def test_the_file_holds_maps_and_what_they_belong_to(model, bundle, tmp_path):
    for target, count in (("ant", 2), ("cat", 0)):
        found = enrich(model, pixels(0), bundle, target=target)
        found.save(tmp_path / "e.npz", model)
        record, arrays = read_archive(tmp_path / "e.npz", "enriched prediction")
        assert arrays["heatmaps"].shape == (count, 12, 12)
        np.testing.assert_array_equal(arrays["heatmap"], found.heatmap)
        assert record["class"] == CLASSES.index(target)
        assert record["input_sha256"] == found.picture.sha256
        assert [f["evidence"] for f in record["features"]] == [f.evidence for f in found.features]
        assert [f["channel"] for f in record["features"]] == [
            f.feature.channel for f in found.features
        ]
        assert record[found.prediction.unit] == found.prediction.scores[found.index]


def test_what_cannot_be_explained_is_refused(model, bundle):
    with pytest.raises(UsageError, match="class 1 was not in the data set"):
        enrich(model, pixels(0), bundle, target="bee")
    with pytest.raises(UnknownNameError, match="unknown projection 'sideways'"):
        enrich(model, pixels(0), bundle, target="ant", projection="sideways")
    other = opened("g = GlobalMaxPool(image) scores = Flatten(g)")
    with pytest.raises(UsageError, match="these features were selected for model"):
        enrich(other, pixels(0), bundle)


@pytest.mark.parametrize("wrong", [Feature("r", 3), Feature("d", 5), Feature("d", -4)])
def test_features_have_to_stand_where_the_layers_have_them(model, bundle, wrong):
    other = replace(bundle, features=[*FEATURES[:3], wrong])
    with pytest.raises(UsageError, match=f"feature '{wrong}' is none of the layers"):
        enrich(model, pixels(0), other, target="ant")
    moved = replace(bundle, positions=POSITIONS + 1)
    with pytest.raises(UsageError, match="feature 'b:0' is none of the layers"):
        enrich(model, pixels(0), moved, target="ant")


def test_engines_that_disagree_are_refused_unless_insisted(model, bundle, monkeypatch):
    engine = model.network.torch
    right = engine.activations
    monkeypatch.setattr(
        engine, "activations", lambda x, n: {k: 1.5 * v for k, v in right(x, n).items()}
    )
    with pytest.raises(ParityError):
        enrich(model, pixels(0), bundle, target="ant")
    assert enrich(model, pixels(0), bundle, target="ant", allow_mismatch=True).features


@pytest.mark.parametrize(("file", "channels"), [("digits-softmax", 12), ("fashion-cnn", 24)])
def test_signal_of_a_channel_is_its_map(file, channels):
    """Channels first and channels last."""
    layer = feature_layers(onnxplain.load(f"models/{file}.onnx"))[0]
    order = [layer.spatial.axes.index(a) for a in "NCHW"]
    maps = np.arange(channels * np.prod(layer.spatial.grid), dtype=np.float32)
    maps = maps.reshape(1, channels, *layer.spatial.grid) + 1
    signal = channel_signal(np.transpose(maps, np.argsort(order)), layer, 5)
    back = np.transpose(signal[:, 0], order)
    np.testing.assert_array_equal(back[0, 5], maps[0, 5])
    assert signal.sum() == maps[0, 5].sum()
