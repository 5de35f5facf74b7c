"""The PyTorch source of the detectors computes what the files compute."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from noise import require_float32
from scenes_source import ROOT, outputs, source

import onnxplain

STORED = Path(__file__).parent / "oracles/scenes_detector.json"


@pytest.mark.parametrize("stem", ["scenes-detector", "scenes-shortcut"])
def test_source_says_what_the_file_says(stem):
    model = onnxplain.load(ROOT / f"models/{stem}.onnx", device="cpu")
    stored = json.loads(STORED.read_text("utf-8"))
    x = model.read(ROOT / "examples/scenes" / stored["example"]).x
    expected = outputs(x, stem)
    if stem == "scenes-detector":
        np.testing.assert_allclose(expected[0], stored["output"], rtol=1e-6, atol=1e-9)
    for part in (slice(0, 4), slice(4, None)):
        require_float32(
            lambda x, part=part: model.network.ort.activations(x, ["output0"])["output0"][:, part],
            x, expected[:, part],
        )  # fmt: skip


def test_weights_of_another_file_are_another_network():
    x = np.random.default_rng(0).random((1, 3, 96, 96))
    assert np.abs(outputs(x) - outputs(x, "scenes-shortcut")).max() > 1
    assert next(source().parameters()).dtype == torch.float64
