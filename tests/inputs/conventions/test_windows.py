"""Image metadata of the ONNX standard, against arithmetic on pixels."""

import pytest
from prepared import classifier

import onnxplain
from tests.inputs.conventions.declared import BGR, agree, opened, values

RANGES = [
    ("NominalRange_0_255", {}),
    ("Nominal_0_255", {}),
    ("Normalized_0_1", {"scale": 1 / 255}),
    ("Normalized_1_1", {"mean": 127.5, "std": 127.5}),
    ("NominalRange_16_235", {"scale": 219 / 255, "mean": -16}),
    ("Nominal_16_235", {"scale": 219 / 255, "mean": -16}),
]


@pytest.mark.parametrize(("span", "expected"), RANGES)
@pytest.mark.parametrize(("colours", "order"), [("Bgr8", BGR), ("Rgb8", slice(None))])
def test_image_metadata(span, expected, colours, order, tmp_path):
    said = {"Image.BitmapPixelFormat": colours, "Image.NominalPixelRange": span}
    model = opened(tmp_path, said | {"Image.ColorSpaceGamma": "SRGB"}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=order, **expected), [(64, 64), (50, 50)])
    assert "ONNX image metadata" in model.sources["preprocess"]
    assert not [text for text in model.warnings if "preprocess" in text]


def test_image_metadata_of_the_input_itself(tmp_path):
    proto = classifier((32, 32))
    proto.graph.input[0].type.denotation = "IMAGE"
    for key, value in (
        ("Image.BitmapPixelFormat", "Bgr8"),
        ("Image.NominalPixelRange", "Normalized_0_1"),
    ):
        entry = proto.graph.input[0].metadata_props.add()
        entry.key, entry.value = key, value
    model = onnxplain.load(proto)
    assert model.preprocess.color == "BGR"
    assert model.preprocess.bounds()[1].max() == 1
    del proto.graph.input[0].metadata_props[:]
    proto.graph.input[0].type.denotation = "IMAGE Bgr8 NominalRange_0_255"
    model = onnxplain.load(proto)
    assert model.preprocess.color == "BGR"
    assert model.preprocess.bounds()[1].max() == 255


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ({"Image.BitmapPixelFormat": "Bgr8"}, "0..255 is assumed, not 0..1"),
        ({"Image.NominalPixelRange": "Normalized_0_1"}, "RGB is assumed"),
        ({"Image.BitmapPixelFormat": "Rgb8", "Image.NominalPixelRange": "Normalized_0_1",
          "Image.ColorSpaceGamma": "Linear"}, "gamma"),
        ({"Image.BitmapPixelFormat": "Nv12", "Image.NominalPixelRange": "Normalized_0_1"}, "Nv12"),
        ({"Image.NominalPixelRange": "NominalRange_7_9"}, "7_9"),
    ],
)  # fmt: skip
def test_what_image_metadata_leave_open_is_said(said, asked, tmp_path):
    model = opened(tmp_path, said, size=(32, 32))
    assert any(asked in text for text in model.warnings)
