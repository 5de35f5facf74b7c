"""A worker of a cluster, without the cluster: it opens the model that the audit began with."""

import os

import pytest

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.ray_engine import Worker
from onnxplain.errors import ModelFileError
from tests.external_models import flip, in_two_files

CONFIG = AuditConfig(methods=("occlusion",))
OPENING = {"preprocess": "zero-one"}


def test_weights_that_changed_since_are_refused(tmp_path):
    path = in_two_files(tmp_path)
    parts = onnxplain.load(path, **OPENING).identity.digests
    arguments = (str(path), OPENING, [], ["occlusion"], CONFIG, os.getcwd())
    Worker(*arguments, parts)
    flip(tmp_path / "model.onnx.data")
    with pytest.raises(ModelFileError, match=r"weights file 'model\.onnx\.data' is not the one"):
        Worker(*arguments, parts)
    Worker(*arguments, None)
