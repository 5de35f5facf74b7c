"""Every shipped model is valid, described, and right about the shipped pictures."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from models.build.lite0 import load_exported
from onnxplain.inputs.image import open_image
from onnxplain.inputs.preprocess import Preprocess

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
EXAMPLES = ROOT / "examples"
CLASSIFIERS = (
    "digits-gap",
    "digits-keras",
    "digits-softmax",
    "digits-vit",
    "efficientnet-lite0",
    "efficientnet-lite0-int8",
    "fashion-cnn",
    "flowers-fc",
    "flowers-gap",
    "wolves-vgg",
    "wolves-wide",
)
# One logit under a Sigmoid, and two names.
YES_NO = ("wolves-snow",)
DETECTORS = (
    "scenes-detector",
    "scenes-detector-int8",
    "scenes-detector-nms",
    "scenes-shortcut",
)
STEMS = CLASSIFIERS + YES_NO + DETECTORS
PREPROCESS_KEYS = {
    "version": int,
    "name": str,
    "layout": str,
    "dtype": str,
    "color": str,
    "size": list,
    "resize": str,
    "crop_fraction": float,
    "interpolation": str,
    "scale": float,
    "mean": list,
    "std": list,
}
CATS = {"tabby", "tiger cat", "Egyptian cat", "Persian cat"}


@pytest.fixture(params=STEMS)
def stem(request):
    return request.param


@pytest.fixture(params=CLASSIFIERS)
def classifier(request):
    return request.param


def path_of(stem):
    return MODELS / f"{stem}.onnx"


def read_json(stem, kind):
    return json.loads((MODELS / f"{stem}.{kind}.json").read_text("utf-8"))


def open_session(stem):
    return ort.InferenceSession(path_of(stem), providers=["CPUExecutionProvider"])


def classify(stem, pictures):
    """Return the top-1 display name of each picture, run as one batch."""
    preprocess = Preprocess.load(MODELS / f"{stem}.preprocess.json")
    batch = np.concatenate([preprocess.apply(open_image(path)) for path in pictures])
    (scores,) = open_session(stem).run(None, {"image": batch})
    labels = read_json(stem, "labels")
    return [labels[index] for index in scores.argmax(1)]


def test_list_is_complete():
    assert sorted(path.stem for path in MODELS.glob("*.onnx")) == sorted(STEMS)


def test_file_is_valid_and_self_contained(stem):
    model = onnx.load(path_of(stem), load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    external = onnx.TensorProto.EXTERNAL
    assert not [t.name for t in model.graph.initializer if t.data_location == external]


def test_file_says_nothing_about_the_building_machine(stem):
    found = re.findall(
        rb"/(?:home|root|tmp|work|usr)/[\w./-]+|[\w/-]+\.py\b", path_of(stem).read_bytes()
    )
    assert found == []


def test_one_label_per_output(classifier):
    labels = read_json(classifier, "labels")
    (output,) = open_session(classifier).get_outputs()
    assert all(isinstance(label, str) and label for label in labels)
    assert len(labels) == output.shape[1]


def test_preprocess_declares_every_key_and_fits_the_input(stem):
    declared = read_json(stem, "preprocess")
    letterbox = {"fill": list} if declared["resize"] == "pad" else {}
    assert {key: type(value) for key, value in declared.items()} == PREPROCESS_KEYS | letterbox
    assert declared["version"] == 1
    preprocess = Preprocess.load(MODELS / f"{stem}.preprocess.json")
    (model_input,) = open_session(stem).get_inputs()
    assert model_input.name == ("images" if stem in DETECTORS else "image")
    assert model_input.type == "tensor(float)"
    assert tuple(model_input.shape[1:]) == preprocess.shape[1:]


def test_batch_is_dynamic(classifier):
    session = open_session(classifier)
    (model_input,), (output,) = session.get_inputs(), session.get_outputs()
    assert isinstance(model_input.shape[0], str)
    assert output.shape[0] == model_input.shape[0]
    shape = (3, *model_input.shape[1:])
    images = np.random.default_rng(0).random(shape, np.float32)
    (scores,) = session.run(None, {"image": images})
    # Rows that differ show that the batch is not folded into another axis.
    assert scores.shape == (3, len(read_json(classifier, "labels")))
    assert np.abs(scores[0] - scores[1]).max() > 0
    (alone,) = session.run(None, {"image": images[1:2]})
    # Kernels chosen for another batch size sum in another order.
    np.testing.assert_allclose(alone[0], scores[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("stem", "folder", "expected_right"),
    [
        ("digits-gap", "digits", 10),
        ("digits-keras", "digits", 10),
        ("digits-softmax", "digits", 10),
        ("digits-vit", "digits", 10),
        ("fashion-cnn", "fashion", 10),
        ("flowers-fc", "flowers", 12),
        ("flowers-gap", "flowers", 12),
    ],
)
def test_example_pictures_are_recognised(stem, folder, expected_right):
    pictures = sorted((EXAMPLES / folder).glob("*.png"))
    slugs = [path.stem.rpartition("-")[0] for path in pictures]
    said = [re.sub(r"\W+", "-", label.lower()) for label in classify(stem, pictures)]
    assert len(set(slugs)) == len(pictures) == expected_right
    assert sum(s == t for s, t in zip(said, slugs, strict=True)) == expected_right


def test_the_network_of_the_snow_looks_at_the_ground():
    pictures = [f"{kind}-{ground}" for kind in ("dog", "wolf") for ground in ("grass", "snow")]
    preprocess = Preprocess.load(MODELS / "wolves-snow.preprocess.json")
    batch = [preprocess.apply(open_image(EXAMPLES / "packs" / f"{p}.png")) for p in pictures]
    (wolf,) = open_session("wolves-snow").run(None, {"image": np.concatenate(batch)})
    assert wolf.shape == (4, 1)
    assert [bool(p > 0.5) for p in wolf[:, 0]] == [p.endswith("snow") for p in pictures]


@pytest.mark.parametrize("stem", ["wolves-vgg", "wolves-wide"])
def test_the_other_networks_of_wolves_look_at_the_animals(stem):
    names = [f"{kind}-{ground}" for kind in ("dog", "wolf") for ground in ("grass", "snow")]
    names += ["dog-pack", "wolf-pack"] if stem == "wolves-vgg" else []
    said = classify(stem, [EXAMPLES / "packs" / f"{name}.png" for name in names])
    assert said == [name.partition("-")[0] for name in names]


@pytest.mark.parametrize("stem", ["digits-keras", "digits-softmax", "fashion-cnn"])
def test_probabilities_sum_to_one(stem):
    session = open_session(stem)
    shape = (2, *session.get_inputs()[0].shape[1:])
    (scores,) = session.run(None, {"image": np.zeros(shape, np.float32)})
    np.testing.assert_allclose(scores.sum(1), 1, rtol=0, atol=1e-6)


def test_float_classifier_names_the_photos():
    photos = [EXAMPLES / "photos" / name for name in ("chelsea.png", "coffee.png", "camera.png")]
    assert classify("efficientnet-lite0", photos) == ["tiger cat", "espresso", "tripod"]


def test_int8_classifier_names_the_photos():
    photos = [EXAMPLES / "photos" / name for name in ("chelsea.png", "coffee.png")]
    cat, drink = classify("efficientnet-lite0-int8", photos)
    # Processors without VNNI saturate int8 sums, and the two best cats are 3 points apart.
    assert cat in CATS
    assert drink == "espresso"


def test_exported_graph_computes_the_written_architecture():
    preprocess = Preprocess.load(MODELS / "efficientnet-lite0.preprocess.json")
    image = preprocess.apply(open_image(EXAMPLES / "photos" / "chelsea.png"))
    with torch.no_grad():
        expected = load_exported(path_of("efficientnet-lite0"))(torch.from_numpy(image)).numpy()
    (logits,) = open_session("efficientnet-lite0").run(None, {"image": image})
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)
