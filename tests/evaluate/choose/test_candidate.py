"""Methods with parameters, told apart by both."""

import pytest

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.evaluate.choose import candidate
from onnxplain.evaluate.choose.candidate import DEFAULT, Candidate, default_candidates


def test_labels_and_values():
    plain, given = Candidate("occlusion"), Candidate("occlusion", {"window": "4"})
    assert plain.label == "occlusion"
    assert given.label == "occlusion (window=4)"
    assert plain.values != given.values
    assert given.values == Candidate("occlusion", {"window": 4}).values


def test_the_default_ones_that_a_model_allows():
    model = onnxplain.load("models/digits-gap.onnx")
    found = [c.method for c in default_candidates(model)]
    assert found == [name for name in DEFAULT if "att" not in name]
    vit = onnxplain.load("models/digits-vit.onnx")
    assert "attention-rollout" in [c.method for c in default_candidates(vit)]


def test_a_model_that_allows_none(monkeypatch):
    monkeypatch.setattr(candidate, "obstacles", lambda network: dict.fromkeys(DEFAULT, "no"))
    with pytest.raises(MethodRefusedError, match="grad-cam: no; "):
        default_candidates(onnxplain.load("models/digits-gap.onnx"))
