"""What a report shows: bounded, and only of the very files that were audited."""

import pytest

from onnxplain.audit.record import read_record
from onnxplain.errors import OutputError, UsageError
from onnxplain.report.again import read_again
from onnxplain.report.content import MOST_CLASSES, MOST_PICTURES
from onnxplain.report.write import write_report
from tests.report.conftest import content_of


def nothing(number, method):
    return None


def test_the_record_by_hand_is_one(audited):
    read_record(audited[0] / "record.json")


def test_it_is_made_again_from_the_files_alone(audited):
    shown, lacking = read_again(audited[0], audited[0].parent / "data")
    assert lacking == []
    assert all(e.photo.startswith("data:image/jpeg") for e in shown.examples.values())
    assert all(set(e.layers) == {"grad-cam", "lrp"} for e in shown.examples.values())
    assert shown.name(0) == "petal"


def test_wrong_pictures_lead_the_table(audited):
    _, record, files = audited
    shown = content_of(record, files, nothing)
    assert [p.number for p in shown.pictures] == [1, 3, 2, 0]


def test_a_photo_that_changed_or_went_is_not_shown(audited):
    folder, _, files = audited
    files["a.png"].write_bytes(files["e.png"].read_bytes())
    files["e.png"].unlink()
    shown, _ = read_again(folder, folder.parent / "data")
    assert shown.examples[0].missing == "the file has changed since"
    assert shown.examples[3].missing == "the file no longer exists"
    text = write_report(folder, shown)[0].read_text("utf-8")
    assert "no photo: the file has changed since" in text


def test_without_data_or_store_it_says_what_is_lacking(audited, tmp_path):
    folder = audited[0]
    (folder / "results.sqlite").unlink()
    shown, lacking = read_again(folder, tmp_path / "nowhere")
    assert len(lacking) == 2
    assert not any(e.photo or e.layers for e in shown.examples.values())
    assert not (folder / "results.sqlite").exists()
    write_report(folder, shown)


def test_the_store_of_another_audit_is_refused(audited):
    folder, record, _ = audited
    text = (folder / "record.json").read_text().replace(record["preprocess"]["sha256"], "1" * 64)
    (folder / "record.json").write_text(text)
    with pytest.raises(UsageError, match="not the same preprocess"):
        read_again(folder)


def test_its_size_does_not_grow_with_the_data(audited, tmp_path):
    _, record, files = audited
    one = record["pictures"][0]
    record["pictures"] = [{**one, "number": k} for k in range(5000)]
    record["predictions"]["scored"] = 5000
    record["classes"] = [
        {**c, "index": k} for k in range(1000) for c in record["classes"][:2]
    ]  # fmt: skip
    record["suspects"] = [{**record["suspects"][0], "index": k} for k in range(1000)]
    record["model"]["labels"] = []
    shown = content_of(record, files, nothing)
    assert len(shown.pictures) == MOST_PICTURES
    assert len({c.index for c in shown.shown_classes}) == MOST_CLASSES
    page = write_report(tmp_path / "out", shown)[0]
    assert page.stat().st_size < 1_000_000
    assert "976 weaker suspects are in record.json" in page.read_text("utf-8")


def test_whole_or_not_at_all(audited, monkeypatch):
    folder = audited[0]
    shown, _ = read_again(folder)
    write_report(folder, shown)
    before = (folder / "report.html").read_bytes()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_report(folder, shown)
    assert (folder / "report.html").read_bytes() == before
    assert not [p for p in folder.iterdir() if p.name.startswith(".report")]


def test_markdown_holds_names_as_text(audited):
    folder = audited[0]
    text = write_report(folder, read_again(folder)[0])[1].read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "| petal | grad-cam | 6 |" in text
