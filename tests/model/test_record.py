"""Where an explanation says that it came from, against the files themselves."""

import hashlib

import numpy as np
import onnx
import pytest
from graphs import SIDE, classifier
from PIL import Image

import onnxplain
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods import find
from onnxplain.model.record import Run, explanation_of

PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
NAMES = ["ant", "bee", "cat", "dog"]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("record")
    onnx.save(classifier(final="Softmax"), made / "m.onnx")
    Image.fromarray(PIXELS).save(made / "p.png")
    return made


@pytest.fixture(scope="module")
def model(folder):
    return onnxplain.load(folder / "m.onnx", preprocess="raw", labels=NAMES, precision="double")


def test_files_and_settings_are_named(folder, model):
    found = model.explain(folder / "p.png", "gradient", "bee", seed=7)
    said = found.provenance
    assert (said["model"], said["model_sha256"]) == ("m.onnx", digest(folder / "m.onnx"))
    assert [file["sha256"] for file in said["model_files"]] == [digest(folder / "m.onnx")]
    # The input is what the network gets: here the pixels themselves, channels first.
    x = PIXELS.transpose(2, 0, 1).astype(np.float32)
    assert said["input_sha256"] == hashlib.sha256(x.tobytes()).hexdigest()
    assert "p.png" in str(said["input"])
    assert said["preprocess"] == model.preprocess.to_dict()
    assert (said["seed"], said["precision"]) == (7, "double")
    assert said["versions"]["onnx"] == onnx.__version__
    assert found.measures["parity_error"] <= found.measures["parity_tolerance"]
    assert np.array_equal(found.pixels, PIXELS)
    assert found.labels == dict(enumerate(NAMES))


def test_a_method_on_the_deployed_file_says_so(folder, model):
    found = model.explain(folder / "p.png", "occlusion", "bee")
    assert found.provenance["precision"] == "as the file"
    assert "parity_error" not in found.measures


def test_what_a_method_found_is_kept(folder, model):
    picture = model.read(folder / "p.png")
    said = model.predict(picture)
    target = model.target("bee", said, contrast="dog")
    values = np.random.default_rng(1).normal(size=(1, 3, SIDE, SIDE))
    found = Attribution(
        values=values, axes=("C", "H", "W"), measures={"gap": np.array([0.5])},
        notes={"why": "because"}, parameters={"steps": 4}, warnings=("mind",),
    )  # fmt: skip
    run = Run(find("gradient"), {"steps": 3, "other": 1}, 0, 1.5)
    made = explanation_of(model, run, picture, target, said, 2.25, found)
    assert np.array_equal(made.attribution, values[0])
    assert made.attribution.dtype == np.float64
    assert (made.score, made.seconds, made.target) == (2.25, 1.5, target)
    # What a method says of its parameters counts more than what was asked for.
    assert made.parameters == {"steps": 4, "other": 1}
    assert made.measures == {"gap": 0.5}
    assert made.notes["why"] == "because"
    assert made.warnings == ("mind",)


def test_only_the_most_probable_names_and_those_spoken_of_are_kept(folder):
    names = [f"class {k}" for k in range(30)]
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(30, 12)).astype(np.float32)
    proto = classifier(final="Softmax", classes=30, constants={"w3": weights, "b3": weights[:, 0]})
    model = onnxplain.load(proto, preprocess="zero-one", labels=names)
    scores = model.predict(folder / "p.png").probabilities
    order = [int(k) for k in np.argsort(-scores)]
    last, other = order[-1], order[-2]
    found = model.explain(folder / "p.png", "occlusion", last, contrast=other)
    assert set(found.labels) == {*order[:20], last, other}
    assert all(found.labels[k] == names[k] for k in found.labels)
