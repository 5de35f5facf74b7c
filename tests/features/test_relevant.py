"""Selected features: the pass, the bundle, the averages and the enriched prediction."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.features.averages import SIDE, average_patches
from onnxplain.features.collect import collect
from onnxplain.features.enriched import enrich
from onnxplain.features.patches import fields_of
from onnxplain.features.relevant import RelevantFeatures, relevant_features
from onnxplain.features.responses import feature_layers, responses
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


ARRAYS = ("positions", "weights", "typical", "gaps", "averages", "counts", "units:images",
          "units:places", "units:scores")  # fmt: skip
RECORDS = {
    "classes": ["three", [0], 5],
    "layers": [5, [["/6/Relu_output_0"]]],
    "features": [[["/6/Relu_output_0", 0]], [["/6/Relu_output_0", "x"]], 5],
    "names": [5, [1]],
    "skipped": [[["x"]], 5],
    "mu": ["a", None],
}


def changed(path, **changes):
    """Write the same file with other arrays, or with other entries of its record."""
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    record = json.loads(str(arrays["record"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value
        else:
            record[name] = value
    np.savez(path, **{**arrays, "record": np.array(json.dumps(record))})


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("wrong", ["empty", "text", "nan"])
def test_arrays_that_do_not_fit_are_refused(bundle, tmp_path, name, wrong):
    path = tmp_path / "features.npz"
    bundle.save(path)
    with np.load(path) as file:
        shape = file[name].shape
    values = {"empty": np.zeros(0), "text": np.full(shape, "a"), "nan": np.full(shape, np.nan)}
    changed(path, **{name: values[wrong]})
    with pytest.raises(UsageError, match="is not a saved relevant features file") as caught:
        RelevantFeatures.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in RECORDS.items() for v in some])
def test_records_that_do_not_fit_are_refused(bundle, tmp_path, name, value):
    path = tmp_path / "features.npz"
    bundle.save(path)
    changed(path, **{name: value})
    with pytest.raises(UsageError, match="is not a saved relevant features file"):
        RelevantFeatures.load(path)


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
