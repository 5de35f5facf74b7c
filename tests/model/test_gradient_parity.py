"""Gradients of the two engines side by side."""

import numpy as np
import pytest
from graphs import classifier
from handmade import model as handmade_model

import onnxplain
from onnxplain.model.gradient_parity import gradient_parity

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def compared(proto, **options):
    model = onnxplain.load(proto, preprocess="minus-one-one", device="cpu", **options)
    height, width = model.preprocess.size
    return model, gradient_parity(model, model.read(PIXELS[:height, :width]))


def test_engines_of_one_graph_agree_to_rounding():
    model, found = compared(classifier(final="Softmax"))
    assert found["target"]
    assert found["difference"] < 1e-4
    assert found["correlation"] == pytest.approx(1, abs=1e-6)
    assert found["slope_error"] == model.network.slopes.check.error


def test_a_gradient_that_is_off_is_seen(monkeypatch):
    model = onnxplain.load(classifier(final="Softmax"), preprocess="minus-one-one", device="cpu")
    torch, height = model.network.torch, model.preprocess.size[0]
    plain = type(torch).pull_back

    def doubled(self, *given, **more):
        found = plain(self, *given, **more)
        for gradients in found.gradients:
            for name in gradients:
                gradients[name] = gradients[name] * 2
        return found

    monkeypatch.setattr(type(torch), "pull_back", doubled)
    found = gradient_parity(model, model.read(PIXELS[:height, :height]))
    assert found["difference"] == pytest.approx(0.5, abs=1e-3)


def test_a_graph_without_derivatives_in_onnx_says_why():
    body = "m = MatMul(image, image) d = Det(m) scores = Softmax(d)"
    _, found = compared(handmade_model(body))
    assert "Det" in found["problem"]
    assert "difference" not in found
