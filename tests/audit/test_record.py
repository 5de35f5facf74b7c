"""The record: valid by its schema, sorted, and without times but in their own field."""

import json

import jsonschema
import pytest

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import read_record, schema, write_record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample, read_dataset

CONFIG = AuditConfig(methods=("grad-cam", "lrp"), sanity_pictures=1)
SOURCES = {"model": "models/digits-gap.onnx", "data": "examples/digits"}


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx", batch_size=CONFIG.batch_size)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    broken = tmp_path_factory.mktemp("broken") / "broken.png"
    broken.write_bytes(b"?")
    return [Sample("broken.png", broken, "3"), *read_dataset("examples/digits")[:3]]


@pytest.fixture(scope="module")
def path(model, samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    with open_audit(folder, model, samples, CONFIG) as audit:
        run_audit(audit)
        write_record(folder / "record.json", audit, SOURCES)
    return folder / "record.json"


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_what_it_holds(path, model):
    record = read_record(path).to_dict()
    assert record["complete"] is True
    assert record["model"]["sha256"] == model.sha256
    assert record["model"]["device"].endswith("ExecutionProvider")
    assert record["preprocess"]["sha256"] == model.preprocess.sha256
    assert (record["data"]["pictures"], record["data"]["examined"]) == (4, 4)
    assert [p["status"] for p in record["pictures"]] == ["failed", "done", "done", "done"]
    (failure,) = record["failures"]
    assert (failure["number"], failure["name"]) == (0, "broken.png")
    assert "cannot read image" in failure["problem"]
    summed = {(m["method"], m["measure"]) for m in record["measures"]}
    assert {("lrp", "conservation"), ("lrp", "slope_error"), ("grad-cam", "deletion")} <= summed
    assert {s["method"] for s in record["sanity"]} == {"grad-cam", "lrp"}
    assert record["methods"]["lrp"]["parameters"]["epsilon"] == 1e-6
    assert set(record["times"]["explaining_seconds"]) == {"grad-cam", "lrp"}


def test_keys_are_sorted_and_times_are_in_one_place(path):
    text = path.read_text("utf-8")
    keys = [line.split('"')[1] for line in text.splitlines() if line.startswith('"')]
    assert keys == sorted(keys) == sorted([*schema()["required"], "curves"])
    assert "seconds" not in "".join(n for n in text.splitlines() if not n.startswith('"times"'))


def test_the_same_audit_gives_the_same_bytes(path, model, samples, tmp_path):
    with open_audit(tmp_path, model, samples, CONFIG) as audit:
        run_audit(audit)
        write_record(tmp_path / "record.json", audit, SOURCES)
    assert without_times(tmp_path / "record.json") == without_times(path)
    changed = AuditConfig(methods=("grad-cam", "lrp"), sanity_pictures=1, seed=1)
    with open_audit(tmp_path / "other", model, samples, changed) as audit:
        run_audit(audit)
        write_record(tmp_path / "other.json", audit, SOURCES)
    assert without_times(tmp_path / "other.json") != without_times(path)


def test_a_record_without_curves_is_of_format_1(path, tmp_path):
    old = json.loads(path.read_text("utf-8"))
    old["format"] = 1
    del old["curves"], old["model"]["files"]
    for entry in old["pictures"]:
        for result in entry.get("methods", {}).values():
            del result["curves"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert read_record(tmp_path / "old.json").to_dict() == old
    (tmp_path / "new.json").write_text(json.dumps({**old, "format": 2}))
    with pytest.raises(UsageError, match="'curves' is a required property"):
        read_record(tmp_path / "new.json")


def test_a_record_without_the_files_of_the_model_is_of_format_2(path, model, tmp_path):
    old = json.loads(path.read_text("utf-8"))
    assert old["format"] == 5
    assert old["model"]["files"] == model.identity.to_list()
    old["format"] = 2
    del old["model"]["files"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert read_record(tmp_path / "old.json").to_dict() == old
    (tmp_path / "new.json").write_text(json.dumps({**old, "format": 3}))
    with pytest.raises(UsageError, match=r"at \$.model: 'files' is a required property"):
        read_record(tmp_path / "new.json")


def test_data_of_several_sources_are_of_format_4(path, model, samples, tmp_path):
    several = ["one", "two/*.png"]
    with open_audit(path.parent, model, samples, CONFIG) as audit:
        write_record(tmp_path / "record.json", audit, {**SOURCES, "data": several})
        write_record(tmp_path / "single.json", audit, {**SOURCES, "data": ["one"]})
    record = read_record(tmp_path / "record.json")
    assert record.data.sources == several
    assert record.data.described == "one, two/*.png"
    data = json.loads((tmp_path / "record.json").read_text("utf-8"))
    assert record.to_dict() == data
    assert json.loads((tmp_path / "single.json").read_text("utf-8"))["data"]["source"] == "one"
    for change, said in (
        ({"format": 3}, r"\$.data.source: .* is not of type 'string'"),
        ({"data": {**data["data"], "source": ["one"]}}, r"\$.data.source"),
        ({"data": {**data["data"], "source": ["one", "one"]}}, r"\$.data.source"),
        ({"data": {**data["data"], "source": ["one", 2]}}, r"\$.data.source\[1\]"),
    ):
        (tmp_path / "other.json").write_text(json.dumps({**data, **change}))
        with pytest.raises(UsageError, match=said):
            read_record(tmp_path / "other.json")


def without_times(path):
    lines = path.read_text("utf-8").splitlines()
    assert sum(line.startswith('"times"') for line in lines) == 1
    return [line for line in lines if not line.startswith('"times"')]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 6}, r"at \$.format"),
        ({"curves": [{"method": "lrp"}]}, r"at \$.curves\[0\]"),
        ({"complete": "yes"}, r"at \$.complete"),
        ({"pictures": [{"name": 3}]}, r"at \$.pictures\[0\]"),
        ({"surprise": 1}, "'surprise' was unexpected"),
    ],
)
def test_what_is_no_record(path, tmp_path, change, said):
    record = json.loads(path.read_text("utf-8"))
    (tmp_path / "other.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(UsageError, match=said):
        read_record(tmp_path / "other.json")
