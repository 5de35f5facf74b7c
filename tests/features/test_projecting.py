"""Views carry signals back in PyTorch, and say so if another engine was asked for."""

import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.class_model import class_model
from onnxplain.features.dream import dream
from onnxplain.features.layer_response import layer_response
from onnxplain.features.projecting import projecting_engine

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"


def test_it_is_pytorch():
    network = onnxplain.load(MODEL).network
    assert projecting_engine(network) is network.torch


@pytest.mark.parametrize(
    "view",
    [
        lambda model: class_model(model, 3),
        lambda model: dream(model, DIGIT),
        lambda model: layer_response(model, DIGIT),
    ],
    ids=["class-model", "dream", "layer-response"],
)
def test_another_engine_is_refused(view):
    model = onnxplain.load(MODEL, engine="onnxruntime")
    with pytest.raises(UsageError, match="carry signals back in PyTorch; choose --engine auto"):
        view(model)
