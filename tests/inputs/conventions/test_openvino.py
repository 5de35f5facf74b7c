"""OpenVINO's ``model_info``, against arithmetic on pixels."""

import numpy as np
import pytest
from PIL import Image
from prepared import photo

from tests.inputs.conventions.declared import BGR, agree, opened, values

INFO = {"mean_values": "123.675 116.28 103.53", "scale_values": "58.395 57.12 57.375",
        "reverse_input_channels": "True", "resize_type": "standard", "model_type": "Classification",
        "labels": "a b c d"}  # fmt: skip
PIXEL = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


@pytest.mark.parametrize("separator", [" ", "/", "."])
@pytest.mark.parametrize("text", ["{} {} {}", "[{}, {}, {}]", "{},{},{}"])
def test_openvino(separator, text, tmp_path):
    info = INFO | {k: text.format(*INFO[k].split()) for k in ("mean_values", "scale_values")}
    said = {f"model_info{separator}{k}": v for k, v in info.items()}
    model = opened(tmp_path, said, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), **PIXEL))
    assert "OpenVINO" in model.sources["preprocess"]
    assert not [text for text in model.warnings if "preprocess" in text]


def test_openvino_gets_pictures_of_opencv_unless_they_are_turned(tmp_path):
    said = {f"model_info {k}": v for k, v in INFO.items() if k == "resize_type"}
    model = opened(tmp_path, said | {"model_info reverse_input_channels": "NO"}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=BGR))
    assert any("BGR is assumed" in text for text in model.warnings)


@pytest.mark.parametrize(("kind", "top"), [("fit_to_window", 0), ("fit_to_window_letterbox", 8)])
def test_openvino_letterboxes(kind, top, tmp_path):
    said = {f"model_info {k}": v for k, v in INFO.items()}
    said |= {"model_info resize_type": kind, "model_info pad_value": "99"}
    seen = opened(tmp_path, said, size=(32, 32)).preprocess.seen(photo(64, 32))
    inner = np.asarray(photo(64, 32).resize((32, 16), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(seen[top : top + 16], inner)
    assert (np.delete(seen, slice(top, top + 16), 0) == 99).all()


def test_pixels_that_may_be_scaled_twice_are_said(tmp_path):
    said = {f"model_info {k}": v for k, v in INFO.items()}
    model = opened(tmp_path, said | {"model_info embedded_processing": "True"}, size=(32, 32))
    assert any("scaled twice" in text for text in model.warnings)
