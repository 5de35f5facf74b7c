"""What exporters write into the model file, against the code of their frameworks."""

import numpy as np
import pytest
from prepared import photo
from torchvision.transforms import (
    CenterCrop,
    Resize,
)

from onnxplain.inputs.preprocess import preset
from tests.inputs.conventions.declared import BILINEAR, YOLO, agree, opened, torchvision


@pytest.mark.parametrize("imgsz", ["[32, 32]", "32", "(32, 32)"])
def test_ultralytics_classifiers_have_no_means(imgsz, tmp_path):
    model = opened(tmp_path, YOLO | {"imgsz": imgsz})
    agree(model, torchvision(Resize(32, BILINEAR), CenterCrop(32)))
    assert "Ultralytics" in model.sources["preprocess"]
    assert "Ultralytics" in model.sources["input"]  # the size comes from there
    assert not [text for text in model.warnings if "preprocess" in text or "height" in text]


def test_ultralytics_oblong(tmp_path):
    model = opened(tmp_path, YOLO | {"imgsz": "[24, 40]"})
    agree(model, torchvision(Resize((24, 40), BILINEAR)))


def test_ultralytics_sees_the_whole_picture_in_other_tasks(tmp_path):
    model = opened(tmp_path, YOLO | {"task": "segment", "imgsz": "[32, 32]"}, task="values")
    for width, height in [(64, 32), (64, 29), (37, 64)]:
        image = photo(width, height)
        ratio = 32 / max(width, height)
        inner = (round(width * ratio), round(height * ratio))
        left, top = (round((32 - side) / 2 - 0.1) for side in inner)
        expected = np.full((32, 32, 3), 114, np.uint8)
        expected[top : top + inner[1], left : left + inner[0]] = np.asarray(image.resize(inner, 2))
        np.testing.assert_array_equal(model.preprocess.seen(image), expected)
    assert model.preprocess.bounds()[1].max() == 1


def test_a_task_of_somebody_else(tmp_path):
    model = opened(tmp_path, {"task": "classify"}, size=(32, 32))
    assert model.sources["preprocess"].startswith("a guess")


@pytest.mark.parametrize(
    ("mode", "name"), [("tf", "keras-tf"), ("caffe", "keras-caffe"), ("torch", "keras-torch")]
)
def test_keras_modes(mode, name, tmp_path):
    model = opened(tmp_path, {"preprocess_mode": mode}, size=(32, 32))
    image = photo(60, 40)
    expected = preset(name, "NCHW", (32, 32)).apply(image)
    np.testing.assert_array_equal(model.preprocess.apply(image), expected)
    assert "Keras" in model.sources["preprocess"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"pretrained_cfg": "(" * 5000},
        {"mean": "[1, 2, 3]", "std": "[0, 0, 0]", "input_size": "[3, 32, 32]"},
        YOLO | {"imgsz": "[32, 'x']"},
        YOLO | {"imgsz": "[-5, 0]"},
        YOLO | {"imgsz": "[1, 2, 3, 4]"},
        {"model_info resize_type": "sideways"},
        {"model_info mean_values": "nan nan nan"},
        {"model_info scale_values": "0 0 0"},
        {"model_info mean_values": "1 2", "model_info resize_type": "standard"},
        {"Image.NominalPixelRange": "\x00"},
        {"mean": f"[{10**400}]", "std": "[1]", "input_size": "[3, 32, 32]"},
        {"mean": "[0]", "std": "[1]", "input_size": "[3, 32, 32]", "crop_pct": "1e-320"},
        {"mean": "[0]", "std": "[1]", "input_size": "[3, 32, 32]", "crop_pct": "1e-9"},
    ],
)
def test_damaged_metadata_are_said_and_ignored(metadata, tmp_path):
    model = opened(tmp_path, metadata, size=(32, 32))
    assert model.sources["preprocess"].startswith("a guess")
    assert all("\n" not in text for text in model.warnings)
    if "pretrained_cfg" not in metadata:
        assert any("ignored" in text for text in model.warnings)
