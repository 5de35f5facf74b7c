"""Heads of YOLO detectors: recognised, or refused and then declared; always decoded right."""

import json

import numpy as np
import onnx
import pytest
from detector_forms import SIDE, STRIDES
from raw_heads import ANCHORS, RECOGNISED, THREE, UNDECODED, check_boxes, written

import onnxplain
from onnxplain.errors import UnsupportedModelError


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", RECOGNISED)
def test_boxes_are_those_of_the_authors_decoder(name, photo):
    head = RECOGNISED[name]
    model = onnxplain.load(written(name), preprocess="zero-one", device="cpu")
    check_boxes(model, name, photo, final=head.final)
    said = [w for w in model.warnings if "probabl" not in w]
    if head.doubt:
        assert any(head.doubt in w for w in said)
    else:
        assert not any("boxes" in w for w in said)


@pytest.mark.parametrize("name", ["yolox", "yolov5 decoded", "yolov8", "yolov10", "masks named"])
def test_the_other_exporter_writes_the_same_forms(name, photo):
    model = onnxplain.load(written(name, dynamo=True), preprocess="zero-one", device="cpu")
    check_boxes(model, name, photo, final=RECOGNISED[name].final)


@pytest.mark.parametrize("name", UNDECODED)
def test_offsets_from_what_the_file_does_not_hold_are_refused(name):
    with pytest.raises(UnsupportedModelError, match="offsets from cells or anchors") as error:
        onnxplain.load(written(name), preprocess="zero-one", device="cpu")
    assert "\n" not in str(error.value)


FORMS = {
    "yolov5 maps": ({"form": "yolov5", "activation": "sigmoid"}, -1, "sigmoid"),
    "yolov5 channels": ({"form": "yolov5", "activation": "sigmoid"}, 0, "sigmoid"),
    "yolov5 squashed": ({"form": "yolov5"}, 3, "none"),
    "yolov5 last": ({"form": "yolov5", "activation": "sigmoid"}, 3, "sigmoid"),
    "yolov3 maps": ({"form": "yolov3"}, -1, "sigmoid"),
    "sides": ({"form": "ltrb"}, 0, "none"),
}


@pytest.mark.parametrize("name", UNDECODED)
def test_they_are_decoded_as_declared(name, photo, tmp_path):
    form, axis, activation = FORMS[name]
    objects = "anchors" if name != "sides" else ""
    place = {"tensor": list(THREE), "axis": axis}
    first = 5 if objects else 4
    scores = place | {"activation": activation}
    layout = {
        "boxes": place | {"columns": [0, 4], "strides": list(STRIDES)} | form,
        "scores": scores | {"columns": [first, first + 3]},
    }
    if objects:
        layout["boxes"]["anchors"] = [[list(a) for a in scale] for scale in ANCHORS]
        layout["objectness"] = scores | {"columns": [4, 5]}
    onnx.save(written(name), tmp_path / "m.onnx")
    (tmp_path / "m.onnxplain.json").write_text(json.dumps({"boxes": layout}))
    model = onnxplain.load(tmp_path / "m.onnx", preprocess="zero-one", device="cpu")
    check_boxes(model, name, photo)


@pytest.mark.parametrize(
    ("part", "said"), [("boxes", "a Sigmoid must be applied"), ("scores", "not from 0 to 1")]
)
def test_an_activation_that_is_missing_is_seen(part, said, tmp_path):
    place = {"tensor": list(THREE), "axis": -1, "activation": "sigmoid"}
    anchors = [[list(a) for a in scale] for scale in ANCHORS]
    layout = {
        "boxes": place
        | {"columns": [0, 4], "form": "yolov5", "strides": list(STRIDES), "anchors": anchors},
        "objectness": place | {"columns": [4, 5]},
        "scores": place | {"columns": [5, 8]},
    }
    layout[part]["activation"] = "none"
    onnx.save(written("yolov5 maps"), tmp_path / "m.onnx")
    (tmp_path / "m.onnxplain.json").write_text(json.dumps({"boxes": layout}))
    with pytest.raises(UnsupportedModelError, match=said) as error:
        onnxplain.load(tmp_path / "m.onnx", preprocess="zero-one", device="cpu")
    assert "\n" not in str(error.value)
