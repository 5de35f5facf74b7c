"""Selected features: the pass, the bundle, the averages and the enriched prediction."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.features import collect as passes
from onnxplain.features.averages import SIDE, average_patches
from onnxplain.features.collect import collect, forget
from onnxplain.features.enriched import channel_signal, enrich
from onnxplain.features.patches import fields_of
from onnxplain.features.relevant import RelevantFeatures, relevant_features
from onnxplain.features.responses import batch_size, feature_layers, responses
from onnxplain.inputs.dataset import Sample

MODEL, DIGIT = "models/digits-softmax.onnx", "examples/digits/3-10.png"


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(MODEL, batch_size=8)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Six noisy copies of each digit, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("digits")
    rng = np.random.default_rng(0)
    found = []
    for path in sorted(Path("examples/digits").glob("*.png")):
        pixels = np.asarray(Image.open(path)).astype(float)
        for k in range(6):
            noisy = np.clip(pixels + rng.normal(0, 25, pixels.shape), 0, 255).astype(np.uint8)
            file = folder / f"{path.stem[0]}-{k}.png"
            Image.fromarray(noisy).save(file)
            found.append(Sample(file.name, file, path.stem[0]))
    (folder / "broken.png").write_bytes(b"no picture")
    return [*found[:30], Sample("broken.png", folder / "broken.png", "5"), *found[30:]]


@pytest.fixture(scope="module")
def bundle(model, samples):
    return relevant_features(model, samples, mu=5.0)


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


def test_a_resumed_pass_is_the_whole_one(model, samples, tmp_path, monkeypatch):
    layers = feature_layers(model)
    whole = collect(model, samples, layers, top=4)
    monkeypatch.setattr(passes, "_SAVE_EVERY", 0.0)

    def stop(done, total):
        if done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(model, samples, layers, top=4, folder=tmp_path / "pass", progress=stop)
    seen = []
    resumed = collect(
        model, samples, layers, top=4, folder=tmp_path / "pass",
        progress=lambda done, total: seen.append(done),
    )  # fmt: skip
    assert min(seen) > 30
    assert isinstance(resumed.responses, np.memmap)
    assert np.array_equal(resumed.responses, whole.responses)
    assert np.array_equal(resumed.labels, whole.labels)
    assert resumed.skipped == whole.skipped
    for name, values in whole.units.arrays().items():
        assert np.array_equal(values, resumed.units.arrays()[name])
    forget(tmp_path / "pass")
    assert not (tmp_path / "pass").exists()


def test_unreadable_pictures_are_no_rows(model, samples):
    found = collect(model, samples, feature_layers(model), top=4)
    assert [s.name for s in found.skipped] == ["broken.png"]
    assert found.labels[30] == -1
    assert not found.responses[30].any()
    assert (found.labels[[k for k in range(61) if k != 30]] == np.repeat(range(10), 6)).all()
    assert (found.units.images != 30).all()


def test_few_features_tell_the_classes(model, samples, bundle):
    assert bundle.classes == list(range(10))
    assert (np.abs(bundle.weights).sum(axis=1) <= 5.0 + 1e-6).all()
    assert (bundle.gaps < 1e-6).all()
    assert len(bundle.features) < 68
    found = collect(model, samples, feature_layers(model), top=1)
    read = found.labels >= 0
    scores = found.responses[read][:, bundle.positions] @ bundle.weights.T
    assert (scores.argmax(axis=1) == found.labels[read]).mean() > 0.9
    for position, feature in zip(bundle.positions, bundle.features, strict=True):
        layer = next(n for n in feature_layers(model) if n.name == feature.layer)
        assert position == layer.first + feature.channel


def test_average_is_the_mean_of_the_patches(model, samples, bundle):
    k = next(i for i, f in enumerate(bundle.features) if f.layer == "/6/Relu_output_0")
    layer = bundle.features[k].layer
    fields = fields_of(model, layer)[0]
    part = bundle.units.chosen([k])
    averages, counts = average_patches(model, samples, [layer], part)
    assert averages.shape == (1, SIDE, SIDE, 1)
    assert counts[0] == (part.scores > 0).sum() == bundle.counts[k]
    assert np.array_equal(averages[0], bundle.averages[k])
    means = []
    for image, spatial in zip(part.images[0], part.places[0], strict=True):
        box = fields.box(*spatial)
        if box.size == fields.size:
            pixels = np.asarray(Image.open(samples[image].path))
            means.append(pixels[box.top : box.bottom, box.left : box.right].mean())
    if len(means) == counts[0]:
        assert abs(averages.mean() - np.mean(means)) < 3


def test_bundle_round_trip(bundle, tmp_path, model):
    bundle.save(tmp_path / "features.npz", model.labels)
    again = RelevantFeatures.load(tmp_path / "features.npz")
    for name in ("positions", "weights", "typical", "averages", "counts", "gaps"):
        assert np.array_equal(getattr(again, name), getattr(bundle, name))
    assert again.features == bundle.features
    assert again.skipped == bundle.skipped
    assert (tmp_path / "features.json").read_text().count('"index"') == 10
    (tmp_path / "other.npz").write_bytes(b"PK")
    with pytest.raises(UsageError, match="not a saved relevant features file"):
        RelevantFeatures.load(tmp_path / "other.npz")


def test_enriched_prediction(model, bundle):
    found = enrich(model, DIGIT, bundle)
    assert found.index == 3
    assert 1 <= len(found.features) <= 3
    layers = feature_layers(model)
    values = model.network.ort.activations(model.read(DIGIT).x, [n.name for n in layers])
    answers = responses(values, layers)[0]
    weights = dict(bundle.of_class(3))
    total = sum(abs(w) for w in weights.values())
    expected = sorted((answers[bundle.positions[k]] * w / total for k, w in weights.items()))
    for evidence, best in zip(found.features, expected[::-1], strict=False):
        np.testing.assert_allclose(evidence.evidence, best, rtol=1e-5)
        assert evidence.heatmap.min() == 0
        assert evidence.heatmap.max() == 1
    assert np.array_equal(found.heatmap, np.max([f.heatmap for f in found.features], axis=0))


def test_signal_of_a_channel_is_its_map(model):
    layer = feature_layers(model)[0]
    values = np.arange(12 * 64, dtype=np.float32).reshape(1, 12, 8, 8)
    signal = channel_signal(values, layer, 5)
    assert np.array_equal(signal[0, 0, 5], values[0, 5])
    assert signal.sum() == values[0, 5].sum()
    keras = feature_layers(onnxplain.load("models/fashion-cnn.onnx"))[0]
    shape = keras.spatial.grid
    order = [keras.spatial.axes.index(a) for a in "NCHW"]
    values = np.arange(24 * shape[0] * shape[1], dtype=np.float32).reshape(1, 24, *shape)
    own = np.transpose(values, np.argsort(order))
    assert np.array_equal(keras.maps(channel_signal(own, keras, 5)[:, 0])[0, 5], values[0, 5])


def test_refusals(model, bundle, samples):
    with pytest.raises(UsageError, match=r"not for 'digits-gap\.onnx'"):
        enrich(onnxplain.load("models/digits-gap.onnx"), DIGIT, bundle)
    few = replace(bundle, classes=[0, 1])
    with pytest.raises(UsageError, match="class 3 was not in the data set"):
        enrich(model, DIGIT, few)
    with pytest.raises(UsageError, match="has no class; put pictures into subfolders"):
        relevant_features(model, [replace(samples[0], label=None)])
    with pytest.raises(UnknownNameError, match="unknown class 'eleven'"):
        relevant_features(model, [replace(samples[0], label="eleven")])
