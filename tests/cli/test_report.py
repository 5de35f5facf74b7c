"""The report command: the same report again, from the files of an audit."""

import json
import os
import shutil
import subprocess
import sys
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
    found = run("report", audited, "-o", audited / "again", "--data", DATA, "--json")
    assert found.exit_code == 0, found.stderr
    said = json.loads(found.stdout)
    assert said["warnings"] == []
    assert {Path(f).name: Path(f).read_bytes() for f in said["files"]} == before


def test_without_the_photos_it_warns(run, audited, tmp_path):
    found = run("report", audited, "--data", tmp_path / "gone")
    assert found.exit_code == 0
    assert "warning: no photos are shown" in found.stderr
    assert b"no photo: the file no longer exists" in (audited / "report.html").read_bytes()


def test_data_that_a_record_names_are_not_read_unless_told(run, audited, tmp_path, monkeypatch):
    found = run("report", audited, "-o", tmp_path / "again")
    assert found.exit_code == 0
    assert f"the record says '{DATA}', which is not in its folder and is not followed" in (
        found.stderr
    )
    assert "--data" in found.stderr
    assert b'class="photo' not in (tmp_path / "again/report.html").read_bytes()


@pytest.mark.parametrize("source", ["/**/*.png", "../**/*.png", "table.csv"])
def test_neither_patterns_nor_tables_lead_out_of_the_folder(run, audited, tmp_path, source):
    pictures = sorted(Path(DATA).resolve().glob("*.png"))
    (audited / "table.csv").write_text("\n".join(["file", *map(str, pictures)]) + "\n")
    record = audited / "record.json"
    data = json.loads(record.read_text("utf-8"))
    data["data"]["source"] = source
    record.write_text(json.dumps(data))
    found = run("report", audited, "-o", tmp_path / "again")
    assert found.exit_code == 0, found.stderr
    assert b'class="photo' not in (tmp_path / "again/report.html").read_bytes()


def test_data_in_the_folder_are_shown(run, audited, tmp_path):
    shutil.copytree(DATA, audited / "data")
    record = audited / "record.json"
    data = json.loads(record.read_text("utf-8"))
    data["data"]["source"] = "data"
    record.write_text(json.dumps(data))
    found = run("report", audited, "-o", tmp_path / "again")
    assert found.exit_code == 0
    assert (tmp_path / "again/report.html").read_bytes().count(b'class="photo pixels"') == 3


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="takes root's rights to write away")
@pytest.mark.parametrize("journal", [False, True])
def test_a_folder_that_nobody_may_write_to_is_read(audited, tmp_path, journal):
    if journal:
        (audited / "results.sqlite-wal").write_bytes(b"")
    audited.chmod(0o555)
    root = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    out = tmp_path / "again"
    words = [*root, sys.executable, "-m", "onnxplain", "report", str(audited), "-o", str(out)]
    before = sorted(p.name for p in audited.iterdir())
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    touched = subprocess.run([*root, "touch", str(audited / "x")], check=False)
    audited.chmod(0o755)
    assert found.returncode == 0, found.stderr
    assert touched.returncode != 0
    assert sorted(p.name for p in audited.iterdir()) == before
    assert 'class="stack' in (out / "report.html").read_text("utf-8")


def test_no_record(run, tmp_path):
    found = run("report", tmp_path)
    assert found.exit_code == 2
    assert "cannot read record file" in found.stderr
    assert list(tmp_path.iterdir()) == []
