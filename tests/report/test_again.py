"""A report from files alone: what belongs together, and what is missing."""

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.report.again import identity, read_again


def test_a_store_belongs_to_model_recipe_and_questions(audited):
    record = audited[1]
    found = identity(build(Record, record))
    # What a record of an older version does not say is what that version did.
    asked = AuditConfig(("grad-cam", "lrp"), ("deletion",), against_others=False, curves="full")
    assert found == {
        "model": record["model"]["sha256"],
        "preprocess": record["preprocess"]["sha256"],
        "questions": asked.sha256,
    }
    other = {**record, "questions": {**record["questions"], "seed": 1}}
    assert identity(build(Record, other))["questions"] != found["questions"]
    longer = {**record, "questions": {**record["questions"], "examples": 3}}
    assert identity(build(Record, longer)) == found


def test_photos_from_another_place(audited, tmp_path):
    folder, record, _ = audited
    moved = tmp_path / "moved"
    (tmp_path / "data").rename(moved)
    _, lacking = read_again(folder)
    assert len(lacking) == 1
    assert "not in its folder and is not followed; give it with --data" in lacking[0]
    shown, lacking = read_again(folder, moved)
    assert lacking == []
    assert all(e.photo for e in shown.examples.values())
    assert shown.record.data.source == record["data"]["source"]
