"""Templates of declarations: filled in for files that are refused, and right once completed."""

import json

import numpy as np
import onnx
import pytest
from detector_forms import SIDE
from detector_forms import written as detector
from raw_heads import ANCHORS, UNDECODED, check_boxes, written
from small_models import write_model

import onnxplain
from onnxplain.model.box_template import box_template

# What a person corrects in a template, where it is not right as it stands.
CORRECTED = {"yolov3 maps": {"form": "yolov3", "activation": "none"}}


@pytest.mark.parametrize("name", UNDECODED)
def test_a_template_with_the_files_own_anchors_reads_it(name, tmp_path):
    photo = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    onnx.save(written(name), tmp_path / "m.onnx")
    template = box_template(tmp_path / "m.onnx", {})
    layout = template.boxes
    if "anchors" in layout["boxes"]:
        assert layout["boxes"]["anchors"][0][0] == [10, 13]
        assert any("those of YOLOv5 on COCO" in text for text in template.advice)
        layout["boxes"]["anchors"] = [[list(a) for a in scale] for scale in ANCHORS]
    layout["boxes"] |= CORRECTED.get(name, {})
    (tmp_path / "m.onnxplain.json").write_text(json.dumps({"boxes": layout}))
    model = onnxplain.load(tmp_path / "m.onnx", preprocess="zero-one", device="cpu")
    check_boxes(model, name, photo)


def test_logits_beside_boxes_leave_the_activation_open(tmp_path):
    proto = onnx.ModelProto()
    proto.CopyFrom(detector("detr"))
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "m.onnx")
    template = box_template(tmp_path / "m.onnx", {})
    assert template.boxes["boxes"]["tensor"] == "pred_boxes"
    assert template.boxes["scores"] == {
        "tensor": "logits", "axis": -1, "columns": [0, 4], "activation": "softmax",
        "background": 3,
    }  # fmt: skip
    assert any("drop 'background'" in text for text in template.advice)


def test_a_classifier_has_none(tmp_path):
    assert box_template(write_model(tmp_path / "m.onnx"), {}) is None
    assert box_template(tmp_path / "none.onnx", {}) is None
