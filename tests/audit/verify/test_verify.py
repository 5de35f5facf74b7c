"""Opening the model of a record again, and what nobody can check in it."""

import copy
import shutil

import pytest

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.audit.verify.verify import open_recorded_model, other_versions, verify
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample, read_dataset

MODEL = "models/digits-gap.onnx"
CONFIG = AuditConfig(methods=("cam",), measures=(), sanity_pictures=0, batch_size=4)
SAMPLES = read_dataset("examples/digits")[:3]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    model = onnxplain.load(MODEL, batch_size=CONFIG.batch_size)
    with open_audit(folder, model, SAMPLES, CONFIG) as audit:
        run_audit(audit)
        write_record(folder / "record.json", audit, {"model": MODEL, "data": "examples/digits"})
    return read_record(folder / "record.json").to_dict(), model


def changed(recorded, edit):
    record = copy.deepcopy(recorded[0])
    edit(record)
    return build(Record, record)


def test_it_is_opened_with_the_settings_of_the_record(recorded):
    record = changed(recorded, lambda r: r["preprocess"].update(mean=[0.5]))
    opened = open_recorded_model(record, follow_record=True)
    assert opened.preprocess.mean == (0.5,)
    assert opened.labels == recorded[1].labels
    assert opened.sha256 == recorded[1].sha256


def test_the_model_that_a_record_names_is_not_followed_out_of_its_folder(recorded, tmp_path):
    record = changed(recorded, lambda r: None)
    for folder in (None, tmp_path):
        with pytest.raises(UsageError, match=r"digits-gap.*is not followed; give it with file"):
            open_recorded_model(record, folder=folder)
    assert open_recorded_model(record, MODEL).sha256 == recorded[1].sha256
    shutil.copy(MODEL, tmp_path / "m.onnx")
    beside = changed(recorded, lambda r: r["model"].update(source="m.onnx"))
    assert open_recorded_model(beside, folder=tmp_path).sha256 == recorded[1].sha256


@pytest.mark.parametrize("where", ["parameter", "target"])
def test_files_that_questions_name_are_not_followed_either(recorded, tmp_path, where):
    named = str(tmp_path / "elsewhere" / "m.png")

    def edit(record):
        if where == "target":
            record["questions"]["target"] = f"3@{named}"
        else:
            record["methods"]["cam"]["parameters"]["mask"] = named

    record = changed(recorded, edit)
    with pytest.raises(UsageError, match=r"m\.png.*is not followed; give it with files"):
        verify(record, recorded[1], SAMPLES, 1, folder=tmp_path / "elsewhere")
    # Followed, it is looked for.
    with pytest.raises(UsageError, match="names no file of that name"):
        verify(record, recorded[1], SAMPLES, 1, files=["other.png", named])
    (tmp_path / "elsewhere").mkdir()
    shutil.copy("examples/digits/3-10.png", named)
    for follow in ({"follow_record": True}, {"files": [named]}):
        try:
            verify(record, recorded[1], SAMPLES, 1, **follow)
        except UsageError as error:
            assert "not followed" not in str(error)  # noqa: PT017 - it may not fit the method


@pytest.mark.parametrize(("count", "left"), [(1, 2), (3, 0)])
def test_pictures_outside_of_the_sample_are_not_checked(recorded, count, left):
    steps = []
    found = verify(
        changed(recorded, lambda r: None), recorded[1], SAMPLES, count,
        lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert all(check.reproduces for check in found.checks)
    assert steps == [(k + 1, count) for k in range(count)]
    said = [text for text in found.not_checked if "were not examined again" in text]
    assert said == ([f"{left} of 3 pictures were not examined again"] if left else [])
    assert ("mean maps" in [c.figure for c in found.checks]) == (left == 0)


def test_a_picture_that_is_missing_is_named_and_the_others_are_examined(recorded):
    found = verify(changed(recorded, lambda r: None), recorded[1], SAMPLES[1:], 3)
    (wrong,) = [c for c in found.checks if not c.reproduces]
    assert (wrong.figure, wrong.worst) == (
        "pictures are there", f"{SAMPLES[0].name}, which is missing",
    )  # fmt: skip
    (predicted,) = [c for c in found.checks if c.figure == "probability"]
    assert predicted.compared == 2


def test_another_data_set_is_refused(recorded, tmp_path):
    other = [Sample("other.png", tmp_path / "other.png")]
    with pytest.raises(UsageError, match="none of the record's pictures"):
        verify(changed(recorded, lambda r: None), recorded[1], other, 1)


def test_versions_that_differ(recorded):
    assert other_versions(changed(recorded, lambda r: None)) == []
    old = changed(recorded, lambda r: r["versions"].update(numpy="1.0", gone="2"))
    numpy, gone = other_versions(old)
    assert numpy.startswith("numpy was 1.0, is ")
    assert gone == "gone was 2, is not installed"
