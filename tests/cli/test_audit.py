"""The audit command: record, exit codes, going on."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from onnxplain.audit.record import read_record

MODEL, DATA = "models/digits-gap.onnx", "examples/digits"
CONFIG = 'methods = ["grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 0\n'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def audit(run, tmp_path, config):
    def call(*arguments, data=DATA):
        return run("audit", MODEL, data, "--config", config, "-o", tmp_path / "out", *arguments)

    call.folder = tmp_path / "out"
    return call


def test_files_and_tables(audit):
    found = audit("--limit", 3)
    assert found.exit_code == 0, found.stderr
    assert "3 of 3 pictures examined" in found.stdout
    assert "What was measured" in found.stdout
    assert "no shortcut suspects" in found.stdout
    assert {p.name for p in audit.folder.iterdir()} >= {
        "record.json",
        "results.sqlite",
        "report.html",
        "report.md",
    }
    record = read_record(audit.folder / "record.json").to_dict()
    assert record["complete"] is True
    assert record["data"]["source"] == DATA


def test_without_a_config_it_asks_what_is_possible(run, tmp_path):
    found = run("audit", "models/digits-gap.onnx", DATA, "-o", tmp_path, "--limit", 1, "--json")
    record = json.loads(found.stdout)
    assert list(record["methods"]) == ["grad-cam", "lrp"]
    assert record["questions"]["measures"] == ["deletion", "insertion"]
    assert {s["method"] for s in record["sanity"]} == {"grad-cam", "lrp"}


def test_it_goes_on_and_does_nothing_twice(audit, monkeypatch):
    assert audit("--limit", 3).exit_code == 0
    again = audit("--limit", 3)
    assert "resuming: 3 of 3 pictures are done" in again.stderr
    monkeypatch.setattr("onnxplain.audit.audit.examine", None)
    assert audit("--limit", 3).exit_code == 0


def test_another_audit_does_not_go_into_the_same_folder(audit, config):
    assert audit("--limit", 2).exit_code == 0
    before = (audit.folder / "record.json").read_bytes()
    config.write_text(CONFIG + "seed = 7\n")
    found = audit("--limit", 2)
    assert found.exit_code == 2
    assert "results of another audit (not the same questions)" in found.stderr
    assert (audit.folder / "record.json").read_bytes() == before


def test_a_broken_picture_is_recorded_and_skipped(audit, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for k, path in enumerate(sorted(Path(DATA).glob("*.png"))[:2]):
        (data / f"{k}.png").write_bytes(path.read_bytes())
    (data / "broken.png").write_bytes(b"\x89PNG broken")
    found = audit(data=data)
    assert found.exit_code == 0
    assert "2 of 3 pictures examined" in found.stdout
    assert "skipped: broken.png: cannot read image" in found.stderr
    (failure,) = read_record(audit.folder / "record.json").to_dict()["failures"]
    assert failure["name"] == "broken.png"


def test_nothing_readable_is_an_error_with_a_record(audit, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "broken.png").write_bytes(b"?")
    found = audit(data=data)
    assert found.exit_code == 4
    assert "no picture could be examined: cannot read image" in found.stderr
    assert read_record(audit.folder / "record.json").to_dict()["complete"] is True


def test_a_label_that_is_no_class_is_found_before_anything_runs(audit, tmp_path):
    for label in ("3", "cat"):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "data" / label / "a.png")
    found = audit(data=tmp_path / "data")
    assert found.exit_code == 2
    assert "unknown class 'cat'" in found.stderr
    assert not (audit.folder / "record.json").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("methods = ['cam']\n", "digits-softmax.onnx"),
        ("methods = ['rise']\n[method.rise]\nmax_seconds = 3\n", "cannot be reproduced"),
        ("batch_size = 0\n", "batch_size is 0"),
        ("measures = ['energy-in-mask']\n", "needs a mask, and no picture"),
    ],
)
def test_wrong_wishes(run, config, tmp_path, text, said):
    config.write_text(text)
    model = "models/digits-softmax.onnx"
    found = run("audit", model, DATA, "--config", config, "-o", tmp_path / "out", "--limit", 1)
    assert found.exit_code == 2
    assert said in found.stderr or "cam needs global average pooling" in found.stderr
    assert not (tmp_path / "out" / "record.json").exists()


def test_workers_are_those_of_ray(audit):
    found = audit("--workers", 3)
    assert found.exit_code == 2
    assert "--workers goes with --engine ray" in found.stderr


def test_ray_is_an_extra(audit, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    found = audit("--engine", "ray")
    assert found.exit_code == 2
    assert "pip install 'ray[data]'" in found.stderr


@pytest.mark.parametrize("form", ["pattern", "table"])
def test_other_forms_of_data(audit, run, tmp_path, form):
    data = f"{DATA}/[12]-*.png"
    if form == "table":
        root = Path(DATA).resolve()
        rows = [f"{root}/1-2.png,1,2,2,6,6", f"{root}/2-11.png,7,0,0,4,8"]
        data = tmp_path / "table.csv"
        data.write_text("\n".join(["file,label,x0,y0,x1,y1", *rows]) + "\n")
    assert audit(data=data).exit_code == 0
    record = read_record(audit.folder / "record.json").to_dict()
    assert [p["predicted"] for p in record["pictures"]] == [1, 2]
    assert record["data"]["with_mask"] == (2 if form == "table" else 0)
    assert record["predictions"]["accuracy"] == (0.5 if form == "table" else None)
    assert (
        run("verify", audit.folder / "record.json", "--model", MODEL, "--data", data).exit_code == 0
    )


@pytest.fixture
def grouped(tmp_path):
    """Three digits in two groups, one of them labelled wrongly."""
    folder = tmp_path / "grouped"
    folder.mkdir()
    rows = ["file,label,camera"]
    for name, label, camera in (("0-7", 7, "a"), ("1-2", 2, "a"), ("2-11", 0, "b")):
        shutil.copy(Path(DATA, f"{name}.png"), folder)
        rows.append(f"{name}.png,{label},{camera}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_answers_by_class_group_and_probability(run, audit, grouped, tmp_path):
    found = audit("--groups", "camera", data=grouped)
    assert found.exit_code == 0, found.stderr
    for text in ("Answers by class", "Answers by camera", "probabilities: the answers claim",
                 "Of 100 further pictures"):  # fmt: skip
        assert text in found.stdout
    record = read_record(audit.folder / "record.json")
    labels = {p.name: (p.label, p.group) for p in record.pictures}
    assert labels["2-11.png"] == (0, "b")
    assert [(g.group, g.count) for g in record.answers.groups] == [("a", 2), ("b", 1)]
    page = (audit.folder / "report.html").read_text("utf-8")
    assert "By group: camera" in page
    assert "Are the probabilities kept?" in page
    told = ("--model", MODEL, "--data", grouped)
    again = run("verify", audit.folder / "record.json", *told, "--json")
    assert again.exit_code == 0, again.stdout
    figures = {f["figure"]: f for f in json.loads(again.stdout)["figures"]}
    assert figures["answers (from the pictures)"]["reproduces"]
    filed = run("dossier", audit.folder, "-o", tmp_path / "filed", *told, "--quiet")
    assert filed.exit_code == 0, filed.stderr
    assert run("verify", tmp_path / "filed").exit_code == 0
    # Another group is another data set, and is named.
    table = grouped / "labels.csv"
    table.write_text(table.read_text().replace("2-11.png,0,b", "2-11.png,0,a"))
    other = run("verify", audit.folder / "record.json", *told)
    assert other.exit_code == 1
    assert "group of 2-11.png" in other.stdout


def test_json_has_the_conclusion(audit, grouped):
    without = audit("--json", data=grouped)
    assert (without.exit_code, without.stdout) == (2, "")
    assert "--groups NAME" in without.stderr
    data = json.loads(audit("--groups", "camera", "--json", data=grouped).stdout)
    assert data["conclusion"][0].startswith("Of 100 further pictures")
    assert any("a mark on only some pictures" in text for text in data["unseen"])


def test_what_a_method_settled_is_in_the_record(audit):
    assert audit("--limit", 1).exit_code == 0
    (picture,) = read_record(audit.folder / "record.json").pictures
    assert isinstance(picture.methods["grad-cam"].settled["layer"], str)
