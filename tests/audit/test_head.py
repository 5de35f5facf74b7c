"""What a record says beside its pictures: the digest of the data, and of each method."""

import hashlib
import json

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.head import about_method, data_sha256
from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import build
from onnxplain.inputs.dataset import Sample


def entry(**more):
    data = {"number": 0, "name": "a", "file_sha256": "1" * 64, "status": "failed", "problem": "?"}
    return build(Picture, {**data, **more})


def test_the_digest_of_the_data_is_that_of_its_schema(tmp_path):
    sample = Sample("a.png", tmp_path / "a.png", "3")
    line = json.dumps(["a.png", "3", "1" * 64, None, []]) + "\n"
    expected = hashlib.sha256(line.encode()).hexdigest()
    assert data_sha256([(sample, entry())]) == expected
    assert data_sha256([(sample, entry(mask_sha256=None))]) == expected
    assert data_sha256([(sample, entry(mask_sha256="2" * 64))]) != expected
    assert data_sha256([(sample, entry(file_sha256=None))]) != expected


def test_a_method_has_all_of_its_parameters():
    model = onnxplain.load("models/digits-gap.onnx")
    config = AuditConfig(methods=("occlusion",), method={"occlusion": {"window": 2}})
    found = about_method("occlusion", model, config)
    assert found.parameters["window"] == 2
    assert {"stride", "engine"} <= set(found.parameters)
    assert found.engine == "ONNX Runtime"
    assert found.device == model.network.ort.device
