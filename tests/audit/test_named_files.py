"""Files that a record's questions name are opened where they are told, or in its folder."""

import shutil
from dataclasses import replace

import pytest

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.named_files import with_files
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.records.about import QuestionsEntry
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import read_dataset

MODEL, DATA = "models/digits-gap.onnx", "examples/digits"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    config = AuditConfig(methods=("grad-cam",), measures=(), sanity_pictures=0)
    folder = tmp_path_factory.mktemp("audit")
    with open_audit(folder, onnxplain.load(MODEL), read_dataset(DATA)[:1], config) as audit:
        run_audit(audit)
        write_record(folder / "record.json", audit, {"model": MODEL, "data": DATA})
    return read_record(folder / "record.json")


def asking(record, **asked):
    return replace(record, questions=QuestionsEntry({**record.questions.given, **asked}))


def question(record, *path):
    found = record.questions.given
    for key in path:
        found = found[key]
    return found


def test_a_record_without_files_stays_as_it_is(record, tmp_path):
    assert with_files(record, tmp_path, []).to_dict() == record.to_dict()


@pytest.mark.parametrize("target", ["like={}", "3@{}"])
def test_a_target(record, tmp_path, target):
    named = replace(
        asking(record, target=target.format("/away/m.png")),
        said_target_files={"/away/m.png": "0" * 64},
    )
    with pytest.raises(UsageError, match=r"says '/away/m\.png'.* give it with --file"):
        with_files(named, tmp_path, [])
    found = with_files(named, tmp_path, ["here/m.png"])
    assert question(found, "target") == target.format("here/m.png")
    assert found.target_files == {"here/m.png": "0" * 64}
    shutil.copy(f"{DATA}/0-7.png", tmp_path / "m.png")
    beside = with_files(asking(record, target=target.format("m.png")), tmp_path, [])
    assert question(beside, "target") == target.format(tmp_path / "m.png")


def test_a_class_of_that_name_is_no_file(record, tmp_path):
    named = asking(record, target="a@b.png")
    labels = ["a@b.png", *list(record.model.labels)[1:]]
    named = replace(named, model=replace(named.model, labels=labels))
    assert question(with_files(named, tmp_path, []), "target") == "a@b.png"


@pytest.mark.parametrize(
    ("key", "value"),
    [("fill_with", "/away/f.jpg"), ("baseline", "f.NPY"), ("background", "/away/folder")],
)
def test_a_parameter(record, tmp_path, key, value):
    named = asking(record, method={"any": {key: value, "count": 3, "other": "blur"}})
    with pytest.raises(UsageError, match="not followed; give it with --file"):
        with_files(named, tmp_path, [])
    told = f"told/{value.rpartition('/')[2]}"
    found = question(with_files(named, tmp_path, [told]), "method", "any")
    assert found == {key: told, "count": 3, "other": "blur"}


def test_what_ran_names_files_as_well(record, tmp_path):
    ran = {
        n: replace(m, parameters={"fill_with": "/away/f.png"}) for n, m in record.methods.items()
    }
    with pytest.raises(UsageError, match="not followed"):
        with_files(replace(record, methods=ran), tmp_path, [])


def test_a_folder_of_links_and_a_table_lead_nowhere(record, tmp_path):
    inside = tmp_path / "in"
    (inside / "links").mkdir(parents=True)
    shutil.copy(f"{DATA}/0-7.png", tmp_path / "out.png")
    (inside / "links/a.png").symlink_to(tmp_path / "out.png")
    (inside / "table.csv").write_text("file\n../out.png\n")
    (inside / "good").mkdir()
    shutil.copy(f"{DATA}/0-7.png", inside / "good")
    for name in ("links", "table.csv", "../out.png", "*"):
        with pytest.raises(UsageError, match="not followed"):
            with_files(asking(record, method={"any": {"background": name}}), inside, [])
    found = with_files(asking(record, method={"any": {"background": "good"}}), inside, [])
    assert question(found, "method", "any", "background") == str(inside / "good")


def test_a_file_that_nothing_asks_for(record, tmp_path):
    with pytest.raises(UsageError, match="names no file of that name"):
        with_files(record, tmp_path, ["x.png"])
