"""The report command: the same report again, from the files of an audit."""

import json
from pathlib import Path

import pytest

MODEL, DATA = "models/digits-gap.onnx", "examples/digits"


@pytest.fixture
def audited(run, tmp_path):
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["grad-cam"]\nmeasures = []\nsanity_pictures = 0\n')
    found = run("audit", MODEL, DATA, "--config", config, "-o", tmp_path / "out", "--limit", 3)
    assert found.exit_code == 0, found.stderr
    return tmp_path / "out"


def test_it_is_the_report_that_the_audit_wrote(run, audited, monkeypatch):
    before = {n: (audited / n).read_bytes() for n in ("report.html", "report.md")}
    assert before["report.html"].count(b'class="photo pixels"') == 3
    monkeypatch.setattr("onnxplain.model.load.load", None)
    found = run("report", audited, "-o", audited / "again", "--json")
    assert found.exit_code == 0, found.stderr
    said = json.loads(found.stdout)
    assert said["warnings"] == []
    assert {Path(f).name: Path(f).read_bytes() for f in said["files"]} == before


def test_without_the_photos_it_warns(run, audited, tmp_path):
    found = run("report", audited, "--data", tmp_path / "gone")
    assert found.exit_code == 0
    assert "warning: no photos are shown" in found.stderr
    assert b"no photo: the file is not there any more" in (audited / "report.html").read_bytes()


def test_no_record(run, tmp_path):
    found = run("report", tmp_path)
    assert found.exit_code == 2
    assert "cannot read record file" in found.stderr
    assert list(tmp_path.iterdir()) == []
