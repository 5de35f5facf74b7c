"""Models whose weights are in files of their own: what commands say of them, and refuse."""

import json
import shutil

import numpy as np
import onnx
import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, require_same_model
from tests.external_models import flip

DATA, DIGIT = "examples/digits", "examples/digits/3-10.png"
NAME = "net.onnx.data"
QUESTIONS = 'methods = ["lrp"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'


@pytest.fixture
def net(tmp_path):
    """The digit classifier with its weights in a file beside it."""
    path = tmp_path / "models" / "net.onnx"
    path.parent.mkdir()
    onnx.save(
        onnx.load("models/digits-gap.onnx"),
        path,
        save_as_external_data=True,
        location=NAME,
        size_threshold=0,
    )
    shutil.copy("models/digits-gap.preprocess.json", path.with_name("net.preprocess.json"))
    shutil.copy("models/digits-gap.onnxplain.json", path.with_name("net.onnxplain.json"))
    return path


@pytest.fixture
def audit(run, net, tmp_path):
    (tmp_path / "audit.toml").write_text(QUESTIONS)

    def call(*options):
        config = ("--config", tmp_path / "audit.toml", "-o", tmp_path / "out")
        return run("audit", net, DATA, *config, "--limit", 3, *options)

    return call


def change(net):
    """Change one bit of a weight, which stays a number."""
    flip(net.with_name(NAME), 3)


def edit(path, change):
    record = json.loads(path.read_text("utf-8"))
    change(record)
    path.write_text(json.dumps(record))


def as_format_2(record):
    """What was written before: the digest of the .onnx file alone."""
    record["format"] = 2
    record["model"]["sha256"] = record["model"].pop("files")[0]["sha256"]


def test_inspect_names_every_file(run, net):
    data = net.with_name(NAME)
    found = run("inspect", net)
    assert found.exit_code == 0
    whole = net.stat().st_size + data.stat().st_size
    assert f"{whole:,} bytes in 2 files" in found.stdout
    assert f"{NAME}: {data.stat().st_size:,} bytes, SHA-256 " in found.stdout
    said = json.loads(run("inspect", net, "--json").stdout)["file"]
    assert said["bytes"] == whole
    assert [f["location"] for f in said["files"]] == ["net.onnx", NAME]
    assert said["sha256"] == onnxplain.load(net).sha256
    assert said["sha256"] in found.stdout
    change(net)
    assert json.loads(run("inspect", net, "--json").stdout)["file"]["sha256"] != said["sha256"]


def test_a_missing_file_of_weights_is_one_line(run, net):
    net.with_name(NAME).unlink()
    for command in (["inspect", net], ["audit", net, DATA], ["compare", net, net, DATA]):
        found = run(*command)
        assert found.exit_code == 3
        (line,) = found.stderr.splitlines()
        assert f"external data '{NAME}'" in line
        assert "is missing" in line


def test_an_audit_does_not_go_on_with_other_weights(audit, net, tmp_path):
    assert audit().exit_code == 0
    before = (tmp_path / "out" / "record.json").read_bytes()
    found = audit()
    assert found.exit_code == 0
    assert "resuming: 3 of 3" in found.stderr
    change(net)
    found = audit()
    assert found.exit_code == 2
    (line,) = [n for n in found.stderr.splitlines() if "error" in n]
    assert f"not the same weights file '{NAME}'" in line
    assert json.loads(before)["model"]["files"][1]["location"] == NAME


def test_an_audit_that_looked_at_the_onnx_file_alone_does_not_go_on(audit, tmp_path):
    import sqlite3

    assert audit().exit_code == 0
    with sqlite3.connect(tmp_path / "out" / "results.sqlite") as store:
        store.execute("DELETE FROM about WHERE key LIKE 'weights file%'")
    found = audit()
    assert found.exit_code == 2
    assert (
        f"earlier version of onnxplain, which stored less (it does not know \"weights file '{NAME}'"
        in (found.stderr)
    )


def told(model):
    return ("--model", model, "--data", DATA)


def test_verify_names_the_file_that_changed(audit, run, net, tmp_path):
    audit()
    record = tmp_path / "out" / "record.json"
    found = run("verify", record, *told(net))
    assert found.exit_code == 0, found.stdout
    assert "not checked" not in found.stdout
    change(net)
    found = run("verify", record, *told(net))
    assert found.exit_code == 1
    assert f"such as weights file '{NAME}'" in found.stdout
    figures = json.loads(run("verify", record, *told(net), "--json").stdout)["figures"]
    (wrong,) = [f for f in figures if f["figure"] == "model file"]
    assert (wrong["reproduces"], wrong["worst"]) == (False, f"weights file '{NAME}'")


@pytest.mark.parametrize(
    ("forge", "worst"),
    [
        (lambda m: m["files"][1].update(sha256="0" * 64), f"weights file '{NAME}'"),
        (lambda m: m["files"].pop(), f"weights file '{NAME}'"),
        (lambda m: m["files"].append({**m["files"][1], "location": "w"}), "weights file 'w'"),
        (lambda m: m.update(sha256="0" * 64), "its SHA-256"),
    ],
)
def test_verify_finds_a_forged_list_of_files(audit, run, net, tmp_path, forge, worst):
    audit()
    record = tmp_path / "out" / "record.json"
    edit(record, lambda r: forge(r["model"]))
    found = json.loads(run("verify", record, *told(net), "--sample", 1, "--json").stdout)
    assert [f["worst"] for f in found["figures"] if not f["reproduces"]] == [worst]


def test_an_old_record_is_verified_and_what_it_did_not_cover_is_said(audit, run, net, tmp_path):
    audit()
    record = tmp_path / "out" / "record.json"
    edit(record, as_format_2)
    found = run("verify", record, *told(net))
    assert found.exit_code == 0, found.stdout
    assert f"not checked: whether weights file '{NAME}' changed: a record of format 2" in (
        found.stdout
    )
    change(net)  # by one bit of one weight, which no figure tells
    assert run("verify", record, *told(net)).exit_code == 0
    with net.open("ab") as file:  # a field of the message that nobody reads
        file.write(onnx.ModelProto(doc_string="changed").SerializeToString())
    found = run("verify", record, *told(net))
    assert found.exit_code == 1
    assert "such as the SHA-256 of its .onnx file" in found.stdout


def test_an_old_record_of_a_single_file_is_covered_as_a_whole(run, tmp_path):
    (tmp_path / "audit.toml").write_text(QUESTIONS)
    config = ("--config", tmp_path / "audit.toml", "-o", tmp_path)
    assert run("audit", "models/digits-gap.onnx", DATA, *config, "--limit", 3).exit_code == 0
    edit(tmp_path / "record.json", as_format_2)
    found = run("verify", tmp_path / "record.json", *told("models/digits-gap.onnx"))
    assert found.exit_code == 0
    assert "not checked: whether" not in found.stdout


@pytest.mark.parametrize("old", [False, True])
def test_reports_name_the_files(audit, run, net, tmp_path, old):
    audit()
    record = tmp_path / "out" / "record.json"
    if old:
        edit(record, as_format_2)
    found = run("report", tmp_path / "out", "--data", DATA)
    assert found.exit_code == 0
    assert found.stderr == ""
    digest = onnxplain.load(net).identity.files[1].sha256
    for name in ("report.html", "report.md"):
        text = (tmp_path / "out" / name).read_text("utf-8")
        assert (digest in text) != old
        assert ("of the .onnx file alone: a record of format 2" in text) == old


def test_compare_names_the_files(run, net, tmp_path):
    out = tmp_path / "compared"
    options = ("--limit", 2, "-m", "grad-cam", "-o", out)
    found = run("compare", net, "models/digits-gap.onnx", DATA, *options)
    assert found.exit_code == 0, found.stderr
    first, second = json.loads((out / "comparison.json").read_text())["provenance"]["models"]
    assert [f["location"] for f in first["files"]] == ["net.onnx", NAME]
    assert [f["location"] for f in second["files"]] == ["digits-gap.onnx"]
    page = (out / "comparison.html").read_text()
    assert first["files"][1]["sha256"] in page
    assert first["sha256"] in page


def test_saved_explanations_name_the_files(run, net, tmp_path):
    found = run("explain", net, DIGIT, "-m", "saliency", "-o", tmp_path / "out", "--json")
    assert found.exit_code == 0, found.stderr
    files = onnxplain.load(net).identity.to_list()
    assert json.loads(found.stdout)["model"]["files"] == files
    (saved,) = (tmp_path / "out").rglob("*.npz")
    assert onnxplain.Explanation.load(saved).provenance["model_files"] == files


def test_weights_that_change_while_an_audit_runs_are_remarked(audit, net, monkeypatch):
    from onnxplain.cli import audit_run

    real = audit_run.run_audit

    def changing(*arguments, **options):
        real(*arguments, **options)
        change(net)

    monkeypatch.setattr(audit_run, "run_audit", changing)
    found = audit()
    assert found.exit_code == 0
    (line,) = found.stderr.splitlines()
    assert f"'{NAME}' of model 'net.onnx' changed or disappeared during the run" in line


def test_features_of_other_weights_are_refused(net):
    model = onnxplain.load(net)
    record = json.loads(json.dumps(origin(model)))
    require_same_model(record, model, "these features")
    old = {k: v for k, v in record.items() if k != "model_files"}
    old["model_sha256"] = model.identity.files[0].sha256
    with pytest.raises(UsageError, match=f"nobody wrote down the digest of weights file '{NAME}'"):
        require_same_model(old, model, "these features")
    with pytest.raises(UsageError, match="do not say which model"):
        require_same_model({**record, "model_files": [1]}, model, "these features")
    change(net)
    with pytest.raises(UsageError, match=f"weights file '{NAME}' is another one"):
        require_same_model(record, onnxplain.load(net), "these features")
    edited = model.with_graph(model.network.graph)
    with pytest.raises(UsageError, match="they have no digest"):
        require_same_model(json.loads(json.dumps(origin(edited))), edited, "these features")


def test_a_model_without_a_digest_is_not_audited(net, tmp_path):
    from onnxplain.audit.config import AuditConfig
    from onnxplain.audit.run import open_store
    from onnxplain.inputs.dataset import read_dataset

    model = onnxplain.load(net)
    edited = model.with_graph(model.network.graph)
    with pytest.raises(UsageError, match="has no digest"):
        open_store(tmp_path, edited, read_dataset(DATA), AuditConfig())
    np.testing.assert_equal(list(tmp_path.glob("*.sqlite")), [])
