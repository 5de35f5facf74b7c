"""The command that makes a dossier: what is in it, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from tests.dossier.conftest import DATA, MODEL, run


def test_what_a_dossier_holds(signed, audited):
    assert (signed / "record.json").read_bytes() == (audited / "record.json").read_bytes()
    assert (signed / "model/digits-gap.onnx").read_bytes() == Path(MODEL).read_bytes()
    assert (signed / "report.html").read_bytes().count(b'class="photo pixels"') == 3
    about = json.loads((signed / "dossier.json").read_text())
    assert (about["prepared_by"], about["use"], about["data_note"]) == ("A. Person", "digits", "")
    assert about["signed"] is True
    assert about["not_included"] == []
    assert [set(s.values()) for s in about["sign_off"]] == [{""}]
    assert {"onnxplain", "numpy", "python"} <= set(about["versions"])
    table = json.loads((signed / "mapping.json").read_text())["rows"]
    states = {r["part"]: r["status"] for r in table}
    assert states["Annex IV 1(a)"] == "partly"
    assert states["Annex IV 2(d)"] == "not covered"


def test_the_same_again_is_the_same(make, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for name in ("a/dossier", "b/dossier"):
        found = make(tmp_path / name, "--archive")
        assert found.exit_code == 0, found.stderr
    one, other = ((tmp_path / n / "dossier.zip").read_bytes() for n in "ab")
    assert one == other


def test_digests_instead_of_the_model(audited, tmp_path):
    out = tmp_path / "out"
    found = run("dossier", audited, "-o", out, "--no-model", "--data", DATA, "--json")
    assert found.exit_code == 0, found.stderr
    assert "the model file" in json.loads(found.stdout)["not_included"][0]
    assert not (out / "model").exists()
    assert run("verify", out).exit_code == 2
    assert run("verify", out, "--model", MODEL).exit_code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("--model", "models/digits-softmax.onnx", "--data", DATA),
            "not the file that was audited",
        ),
        (("--model", MODEL, "--data", "examples/fashion"), "the data have no picture"),
        (("--model", MODEL, "--no-model", "--data", DATA), "contradict each other"),
        (("--data", DATA), "--model or --no-model"),
        (("--model", MODEL), "--data"),
        (("--model", MODEL, "--data", DATA, "--key", "README.md"), "private key"),
    ],
)
def test_what_it_refuses_in_one_line(audited, tmp_path, more, said):
    found = run("dossier", audited, "-o", tmp_path / "out", *more)
    assert found.exit_code == 2, found.output
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out/tree.json").exists()


def test_a_picture_that_changed_since(audited, tmp_path):
    data = Path(shutil.copytree(DATA, tmp_path / "digits"))
    shutil.copy(data / "1-2.png", data / "0-7.png")
    given = ("--model", MODEL, "--data", data)
    found = run("dossier", audited, "-o", tmp_path / "out", *given)
    assert found.exit_code == 2
    assert "file of '0-7.png'" in found.stderr
    assert "not the file that was audited" in found.stderr


def test_a_folder_that_is_not_empty(make, tmp_path):
    (tmp_path / "letter.txt").write_text("private")
    found = make(tmp_path)
    assert found.exit_code == 7
    assert "is not empty" in found.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]
    assert make(tmp_path / "letter.txt").exit_code == 7
