"""A dossier takes the file that was audited and no other."""

import hashlib

import onnx
import pytest

from onnxplain.audit.records.about import FileEntry, ModelEntry
from onnxplain.dossier.copies import copy_checked, copy_model
from onnxplain.errors import UsageError


def entry(path, location):
    content = path.read_bytes()
    return FileEntry(
        location=location, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def model_of(*files):
    return ModelEntry(
        name="m", source="m", sha256="", files=files, input="x", layout="NCHW", output="y",
        device="", classes=1, labels=(), sources={}, warnings=(),
    )  # fmt: skip


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(UsageError, match="not the file that was audited"):
        copy_checked(tmp_path / "a", tmp_path / "out", "0" * 64, "picture")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="it does not exist"):
        copy_checked(tmp_path / "none", tmp_path / "out", "0" * 64, "picture")


def test_weights_in_files_of_their_own(tmp_path):
    model = onnx.load("models/digits-gap.onnx")
    (tmp_path / "in/w").mkdir(parents=True)
    onnx.save(model, tmp_path / "in/m.onnx", save_as_external_data=True, location="w/m.data",
              size_threshold=0)  # fmt: skip
    files = (entry(tmp_path / "in/m.onnx", "m.onnx"), entry(tmp_path / "in/w/m.data", "w/m.data"))
    renamed = (tmp_path / "in/m.onnx").rename(tmp_path / "in/renamed.onnx")
    copy_model(model_of(*files), str(renamed), tmp_path / "out")
    for name in ("m.onnx", "w/m.data"):
        assert (tmp_path / "out/model" / name).is_file()
    onnx.load(tmp_path / "out/model/m.onnx")
    (tmp_path / "in/w/m.data").write_bytes(b"other")
    with pytest.raises(UsageError, match=r"'w/m.data'.*not the file that was audited"):
        copy_model(model_of(*files), str(renamed), tmp_path / "again")


@pytest.mark.parametrize("location", ["../m.onnx", "/m.onnx", "a/../../m.onnx"])
def test_a_record_does_not_lead_out_of_the_dossier(tmp_path, location):
    (tmp_path / "m.onnx").write_bytes(b"m")
    file = entry(tmp_path / "m.onnx", location)
    with pytest.raises(UsageError, match="leads out of the folder"):
        copy_model(model_of(file), str(tmp_path / "m.onnx"), tmp_path / "out/deep")
    assert not (tmp_path / "out").exists()


def test_a_record_of_early_versions(tmp_path):
    with pytest.raises(UsageError, match="--no-model"):
        copy_model(model_of(), "m.onnx", tmp_path)
