"""An audit as one object: what it examines is what its parts say."""

import dataclasses

import pytest

import onnxplain
from onnxplain.audit.audit import Audit
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.run import open_audit
from onnxplain.inputs.dataset import read_dataset

# CAM is not possible with this model.
CONFIG = AuditConfig(methods=("occlusion", "cam"), measures=(), sanity_pictures=0)


@pytest.fixture
def audit(tmp_path):
    model = onnxplain.load("models/digits-softmax.onnx", batch_size=CONFIG.batch_size)
    with open_audit(tmp_path, model, read_dataset("examples/digits")[:2], CONFIG) as found:
        yield found


def test_methods_are_those_that_are_possible_and_the_others_are_named(audit):
    assert list(audit.methods) == ["occlusion"]
    (text,) = audit.left_out
    assert text.startswith("cam")


def test_a_picture_keeps_its_number(audit):
    found, maps = audit.examine(1)
    assert (found.number, found.name) == (1, audit.samples[1].name)
    assert set(maps) == set(found.methods) == {"occlusion"}


def test_it_has_no_other_state(audit):
    assert [f.name for f in dataclasses.fields(Audit)] == [
        "model", "samples", "config", "methods", "store", "truth",
    ]  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        audit.config = None
