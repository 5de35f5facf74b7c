"""The choose command: words, file, JSON, and clear refusals."""

import json
import shutil

import pytest

DATA = "examples/digits"


@pytest.fixture
def model(tmp_path):
    for name in ("onnx", "labels.json", "preprocess.json", "onnxplain.json"):
        shutil.copy(f"models/digits-gap.{name}", tmp_path)
    return tmp_path / "digits-gap.onnx"


def test_the_choice_is_said_in_words_and_kept_beside_the_model(run, model):
    found = run("choose", model, DATA, "-m", "lrp,grad-cam")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("lrp beats the controls on 10 pictures")
    assert "hardest control" in found.stdout
    assert "maps that never look at the model: random" in found.stdout
    file = model.with_name("digits-gap.choice.json")
    assert f"wrote {file}" in found.stdout
    assert json.loads(file.read_text("utf-8"))["best"] == "lrp"
    # What lies beside the model changes nothing about how it opens.
    again = run("choose", model, DATA, "-m", "grad-cam", "--limit", 3)
    assert again.exit_code == 0, again.stderr
    assert "3 pictures are too few" in again.stdout or "no method does" in again.stdout
    assert "it replaces an earlier choice" in again.stdout


def test_a_grid_as_json(run, model, tmp_path):
    file = tmp_path / "other" / "c.json"
    found = run(
        "choose", model, DATA, f"{DATA}/3-10.png", "-m", "occlusion,gradient", "--limit", 2,
        "--grid", "occlusion.window=2,3", "-p", "occlusion.stride=1", "--json", "-o", file,
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    record = json.loads(found.stdout)
    assert set(record["findings"]) == {
        "occlusion (stride=1, window=2)", "occlusion (stride=1, window=3)", "gradient",
    }  # fmt: skip
    assert record["files"] == [str(file)]
    assert file.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("-m", "grad-cm"), 2, "unknown method 'grad-cm'"),
        (("--metrics", "randomisation", "-m", "gradient"), 2, "cannot be asked of the controls"),
        (("--grid", "window=2,3"), 2, "name its method"),
        (("--grid", "rise.samples=2,3", "-m", "gradient"), 2, "not one of the chosen methods"),
        (("-m", "attention-rollout"), 2, "no method applies"),
    ],
)
def test_wrong_wishes(run, model, arguments, code, said):
    found = run("choose", model, DATA, "--limit", 2, *arguments)
    assert found.exit_code == code, found.stderr
    assert said in found.stderr
    assert found.stderr.count("error:") == 1
    assert not model.with_name("digits-gap.choice.json").exists()
