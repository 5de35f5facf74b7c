"""What an entry says of an answer: numbers that ONNX Runtime gives, by what they are."""

import numpy as np
import onnxruntime
import pytest
from other_answers import logits, pictures, saved, values
from PIL import Image

import onnxplain
from onnxplain.audit.answered import answered
from onnxplain.evaluate.cases import Plan, look
from onnxplain.inputs.dataset import read_dataset


def answer(proto, tmp_path, target=None, **declared):
    path = saved(proto, tmp_path / "m.onnx")
    (sample,) = read_dataset(pictures(tmp_path / "data", 1))
    model = onnxplain.load(path, preprocess="zero-one", **declared)
    plan = Plan({}, (), "prediction", controls=False, seed=0, target=target)
    x = np.asarray(Image.open(sample.path), np.float32).transpose(2, 0, 1)[None] / 255
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"image": x})
    return answered(model, look(model, sample, plan, [])), expected.ravel()


def test_scores_that_are_no_probabilities_stand_beside_null(tmp_path):
    found, expected = answer(logits(), tmp_path)
    assert found["predicted"] == found["explained"] == expected.argmax()
    assert found["probability"] is None
    assert found["score"] == pytest.approx(expected.max(), rel=1e-4)
    assert [t["index"] for t in found["top"]] == list(np.argsort(-expected))


def test_values_predict_nothing_and_the_score_is_that_of_the_target(tmp_path):
    found, expected = answer(values(3, "pose"), tmp_path, "1", task="values")
    assert (found["predicted"], found["top"], found["explained"]) == (None, [], 1)
    assert found["unit"] == found["target_unit"] == "value"
    assert found["score"] == pytest.approx(expected[1], rel=1e-4)


def test_probabilities_have_no_other_score(tmp_path):
    found, expected = answer(logits(), tmp_path, scores="logits")
    shares = np.exp(expected - expected.max())
    assert found["unit"] == "probability"
    assert "score" not in found
    assert found["probability"] == pytest.approx(shares.max() / shares.sum(), rel=1e-4)
