"""The verify command: a true record reproduces, a changed one does not."""

import json

import pytest

DATA = "examples/digits"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    from click.testing import CliRunner

    from onnxplain.cli import main

    folder = tmp_path_factory.mktemp("audit")
    (folder / "audit.toml").write_text('methods = ["lrp"]\nmeasures = ["deletion"]\n'
                                       "sanity_pictures = 1\n")  # fmt: skip
    arguments = ["audit", "models/digits-gap.onnx", DATA, "-o", folder, "--limit", "4"]
    found = CliRunner().invoke(main, [*map(str, arguments), "--config", f"{folder}/audit.toml"])
    assert found.exit_code == 0, found.stderr
    return folder / "record.json"


def test_it_reproduces(run, record):
    found = run("verify", record, "--sample", 2)
    assert found.exit_code == 0, found.stdout + found.stderr
    assert "all that was checked reproduces" in found.stdout
    for figure in ("model file", "picture files", "lrp: conservation", "sanity", "summed again"):
        assert figure in found.stdout
    assert " NO" not in found.stdout


def change(record, path, edit):
    data = json.loads(record.read_text("utf-8"))
    edit(data)
    path.write_text(json.dumps(data))
    return path


def shift_conservation(data):
    data["pictures"][0]["methods"]["lrp"]["record"]["conservation"] += 0.02


def shift_summary(data):
    data["measures"][0]["mean"] += 1e-4


def another_class(data):
    data["pictures"][3]["predicted"] = (data["pictures"][3]["predicted"] + 1) % 10


def drop_a_failure(data):
    data["failures"].append({"number": 9, "name": "9.png", "problem": "made up"})


@pytest.mark.parametrize(
    ("edit", "figure"),
    [
        (shift_conservation, "lrp: conservation"),
        (shift_summary, "measures (summed again)"),
        (another_class, "predicted class"),
        (drop_a_failure, "failures (summed again)"),
        (lambda d: d["model"].update(sha256="0" * 64), "model file"),
        (lambda d: d["preprocess"].update(mean=[0.5]), "preprocessing"),
        (lambda d: d["pictures"][0].update(file_sha256="0" * 64), "picture files"),
        (lambda d: d["pictures"][0].update(name="gone.png"), "pictures are there"),
        (lambda d: d["sanity_pictures"][0]["methods"]["lrp"].update(left=-0.9), "sanity"),
    ],
)
def test_what_was_changed_is_found(run, record, tmp_path, edit, figure):
    found = run("verify", change(record, tmp_path / "changed.json", edit), "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert said["reproduces"] is False
    assert figure in {f["figure"] for f in said["figures"] if not f["reproduces"]}


def test_in_words(run, record, tmp_path):
    found = run("verify", change(record, tmp_path / "changed.json", shift_conservation))
    assert found.exit_code == 1
    assert "NO: 1 of 4, such as conservation of" in found.stdout
    assert "the record does not reproduce" in found.stdout


def test_another_model_is_told(run, record):
    found = run("verify", record, "--model", "models/digits-softmax.onnx")
    assert found.exit_code == 2
    assert "unknown output 'logits'" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--data", "examples/fashion"), 2, "none of the record's pictures"),
        (("--data", "nowhere"), 4, "no pictures in"),
        (("--model", "nowhere.onnx"), 3, "no model file at"),
    ],
)
def test_what_is_not_there(run, record, arguments, code, said):
    found = run("verify", record, *arguments)
    assert found.exit_code == code
    assert said in found.stderr


def test_other_versions_are_remarked(run, record, tmp_path):
    path = change(record, tmp_path / "c.json", lambda d: d["versions"].update(numpy="1.0"))
    found = run("verify", path, "--sample", 1)
    assert found.exit_code == 0
    assert "numpy was 1.0, is " in found.stderr
