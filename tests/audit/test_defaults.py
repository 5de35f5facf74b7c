"""What is asked if nobody says: what model and data allow."""

import pytest

import onnxplain
from onnxplain.audit.defaults import default_config
from onnxplain.inputs.dataset import Sample


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx")


def test_quick_methods_where_they_are_possible(model, tmp_path):
    assert default_config(model, [Sample("a", tmp_path / "a")]).methods == ("grad-cam", "lrp")


def test_a_mask_adds_what_needs_one(model, tmp_path):
    plain, masked = Sample("a", tmp_path / "a"), Sample("b", tmp_path / "b", mask=tmp_path / "m")
    assert "energy-in-mask" not in default_config(model, [plain]).measures
    assert default_config(model, [plain, masked]).measures[-1] == "energy-in-mask"
