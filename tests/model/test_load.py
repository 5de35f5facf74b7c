"""Opening a file: what is said of it against ONNX Runtime, and what does not fit is refused."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from graphs import CLASSES, SIDE, classifier

import onnxplain
from onnxplain.errors import ModelFileError, OnnxplainError, UsageError
from onnxplain.inputs.preprocess import preset

PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
NAMES = ["ant", "bee", "cat", "dog"]
RECIPE = preset("zero-one", "NCHW", (SIDE, SIDE))


@pytest.fixture
def path(tmp_path):
    onnx.save(classifier(final="Softmax"), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


@pytest.mark.parametrize("from_file", [True, False])
def test_probabilities_are_those_of_onnx_runtime(path, from_file):
    model = onnxplain.load(path if from_file else onnx.load(path), preprocess="zero-one")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = (PICTURE.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    (wanted,) = session.run(["scores"], {"image": x})
    found = model.predict(PICTURE).probabilities
    np.testing.assert_allclose(found, wanted[0], rtol=0, atol=1e-6)
    assert model.name == ("m.onnx" if from_file else "test")


def test_what_stands_beside_the_file_is_used_unless_something_is_given(path):
    data = {"preprocess": RECIPE.to_dict(), "labels": NAMES}
    (path.parent / "m.onnxplain.json").write_text(json.dumps(data))
    model = onnxplain.load(path)
    assert model.preprocess.sha256 == RECIPE.sha256
    assert list(model.labels) == NAMES
    assert model.sources["preprocess"] == "m.onnxplain.json"
    assert model.warnings == []
    given = onnxplain.load(path, labels=NAMES[::-1], preprocess="raw")
    assert list(given.labels) == NAMES[::-1]
    assert (given.preprocess.name, given.sources["preprocess"]) == ("raw", "preset")


def test_a_guess_is_said(path):
    model = onnxplain.load(path)
    assert model.sources["preprocess"].startswith("a guess")
    assert any("preprocess" in text for text in model.warnings)


def test_what_does_not_fit_is_refused(path):
    grey = preset("zero-one", "NCHW", (SIDE, SIDE), 1)
    with pytest.raises(UsageError, match=r"gives 1 channels, input 'image' takes 3.*'RGB'"):
        onnxplain.load(path, preprocess=grey)
    with pytest.raises(OnnxplainError, match="5"):
        onnxplain.load(path, labels=[*NAMES, "elk"], preprocess="raw")
    with pytest.raises(OnnxplainError, match="nowhere"):
        onnxplain.load(path, at="nowhere", preprocess="raw")
    with pytest.raises(OnnxplainError, match="nothing"):
        onnxplain.load(path, output="nothing", preprocess="raw")


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_a_damaged_file_is_none(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelFileError):
        onnxplain.load(path)


def test_explain_takes_a_path_or_a_model(path):
    (path.parent / "m.preprocess.json").write_text(json.dumps(RECIPE.to_dict()))
    one = onnxplain.explain(path, PICTURE, "occlusion", target=1)
    two = onnxplain.explain(onnxplain.load(path), PICTURE, "occlusion", target=1)
    assert one.attribution.any()
    np.testing.assert_array_equal(one.attribution, two.attribution)


def test_each_of_many_is_what_it_is_alone(path):
    model = onnxplain.load(path, preprocess=replace(RECIPE), precision="double")
    pictures = [PICTURE, PICTURE[::-1].copy()]
    found = onnxplain.explain_all(model, pictures, "gradient", [0, f"top-{CLASSES}"])
    assert [len(of_one) for of_one in found] == [CLASSES] * 2
    for picture, of_one in zip(pictures, found, strict=True):
        for explanation in of_one:
            alone = model.explain(picture, "gradient", explanation.target.index)
            np.testing.assert_allclose(
                explanation.attribution, alone.attribution, rtol=1e-9, atol=1e-12
            )


def test_a_picture_that_fails_does_not_stop_the_others_if_someone_is_told(path):
    model = onnxplain.load(path, preprocess="raw")
    pictures = [path.with_name("missing.png"), PICTURE]
    told = []
    found = onnxplain.explain_all(
        model, pictures, "occlusion", failed=lambda image, error: told.append((image, error))
    )
    assert [len(of_one) for of_one in found] == [0, 1]
    assert [image for image, _ in told] == pictures[:1]
    assert "missing.png" in str(told[0][1])
    with pytest.raises(OnnxplainError, match=r"missing\.png"):
        onnxplain.explain_all(model, pictures, "occlusion")
