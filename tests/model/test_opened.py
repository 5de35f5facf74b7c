"""What a model says and what is meant by a target, against the scores of ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
from graphs import CLASSES, SIDE, classifier

import onnxplain
from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.targets.request import TargetRequest

PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
NAMES = ["ant", "bee", "cat", "dog"]
FILE = classifier(final="Softmax", extra=True)


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(FILE, preprocess="zero-one", labels=NAMES, output="scores")


@pytest.fixture(scope="module")
def probabilities():
    session = onnxruntime.InferenceSession(
        FILE.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = (PICTURE.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    return session.run(["scores"], {"image": x})[0][0].astype(float)


def score(model, target):
    tensors = model.network.ort.activations(model.read(PICTURE).x, list(target.tensors))
    return float(target.score(tensors)[0])


def test_it_says_what_the_file_says(model, probabilities):
    for picture in (PICTURE, model.read(PICTURE)):
        said = model.predict(picture)
        np.testing.assert_allclose(said.probabilities, probabilities, rtol=0, atol=1e-6)
        assert list(said.order(CLASSES)) == list(np.argsort(-probabilities))
    assert model.sha256 == model.identity.sha256
    assert model.checked_warnings() == model.warnings


def test_differences_of_logits_are_those_of_logarithms(model, probabilities):
    said = model.predict(PICTURE)
    logs = np.log(probabilities)
    contrast = model.target("bee", said, contrast="dog")
    assert score(model, contrast) == pytest.approx(logs[1] - logs[3], abs=1e-5)
    margin = model.target(2, said, margin=True)
    assert score(model, margin) == pytest.approx(logs[2] - np.delete(logs, 2).max(), abs=1e-5)
    probable = model.target("cat", said, kind="probability")
    assert score(model, probable) == pytest.approx(probabilities[2], abs=1e-6)
    assert model.target(None, said).index == probabilities.argmax()


def test_targets_are_resolved_once_and_in_order(model, probabilities):
    picture = model.read(PICTURE)
    found = model.resolve(picture, ["top-3", 0, "ant", model.target(0, model.predict(picture))])
    top = [int(k) for k in np.argsort(-probabilities)[:3]]
    assert [target.index for target in found] == [*top, *({0} - set(top))]
    for said in found.values():
        np.testing.assert_allclose(said.probabilities, probabilities, rtol=0, atol=1e-6)


def test_names_are_read(model):
    assert model.contrast(None) is None
    assert model.contrast("cat") == 2
    request = TargetRequest(element="embedding[1]")
    assert model.request(request) is request
    assert model.request("embedding[1]") == request


def test_an_element_of_a_tensor_is_its_value(model):
    target = model.target("pooled[2]", model.predict(PICTURE))
    values = model.network.ort.activations(model.read(PICTURE).x, ["pooled"])["pooled"]
    assert score(model, target) == pytest.approx(values.ravel()[2], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("elk", {}, "elk"),
        (CLASSES, {}, str(CLASSES)),
        ("top-2", {}, "stands for 2 targets"),
        ("ant", {"contrast": "elk"}, "elk"),
        ("ant", {"contrast": "bee", "margin": True}, "margin"),
        ("pooled[2]", {"margin": True}, "an element of a tensor"),
        ("nothing[2]", {}, "nothing"),
    ],
)
def test_what_is_no_target_is_refused(model, name, options, said):
    with pytest.raises(OnnxplainError, match=said):
        model.target(name, model.predict(PICTURE), **options)


def test_places_and_runs_that_there_are_not(model):
    with pytest.raises(UsageError):
        model.predict(PICTURE, position=(0, 0))
    with pytest.raises(UsageError):
        model.predict(PICTURE, average=0)
