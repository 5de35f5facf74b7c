"""`--engine`: who computes gradients, said beside the result and kept in the record."""

import json

import pytest

import onnxplain

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"
BY_ONNX, BY_PYTORCH = "CPUExecutionProvider, derivatives in ONNX nodes", "torch cpu"


@pytest.mark.parametrize(
    ("engine", "expected", "measure"),
    [
        ("auto", BY_ONNX, "slope_error"),
        ("onnxruntime", BY_ONNX, "slope_error"),
        ("pytorch", BY_PYTORCH, "parity_error"),
    ],
)
def test_the_engine_is_said_beside_the_map(run, tmp_path, engine, expected, measure):
    asked = ("explain", MODEL, DIGIT, "-m", "gradient", "--engine", engine)
    found = run(*asked, "--json", "-o", tmp_path)
    assert found.exit_code == 0, found.stderr
    (one,) = json.loads(found.stdout)["images"][0]["explanations"]
    assert one["engine"] == expected
    assert {"slope_error", "parity_error"} & set(one["measures"]) == {measure}


def test_what_the_engine_cannot_do_is_refused_in_one_line(run, tmp_path):
    asked = ("explain", MODEL, DIGIT, "-m", "guided-backprop", "--engine", "onnxruntime")
    found = run(*asked, "-o", tmp_path)
    assert found.exit_code == 2
    assert "--engine pytorch" in found.stderr


def test_an_audit_keeps_it_and_verify_repeats_it(run, tmp_path, monkeypatch):
    config = tmp_path / "config.toml"
    config.write_text('methods = ["gradient"]\nmeasures = []\n')
    asked = ("audit", MODEL, "examples/digits", "--config", config, "--limit", "2")
    done = run(*asked, "--engine", "pytorch", "-o", tmp_path / "a")
    assert done.exit_code == 0, done.stderr
    record = json.loads((tmp_path / "a/record.json").read_text())
    assert record["model"]["engine"] == "pytorch"
    assert record["methods"]["gradient"]["engine"] == "PyTorch"
    asked = []

    def opened(*file, **options):
        asked.append(options["engine"])
        return onnxplain.load(*file, **options)

    monkeypatch.setattr("onnxplain.audit.verify.verify.load", opened)
    where = ("--model", MODEL, "--data", "examples/digits", "--sample", "1")
    again = run("verify", tmp_path / "a/record.json", *where)
    assert again.exit_code == 0, again.stdout + again.stderr
    assert asked == ["pytorch"]


def test_engines_that_exclude_each_other_are_refused(run, tmp_path):
    asked = ("audit", MODEL, "examples/digits", "--engine", "pytorch", "--engine", "onnxruntime")
    found = run(*asked, "-o", tmp_path)
    assert found.exit_code == 2
    assert "exclude each other" in found.stderr
