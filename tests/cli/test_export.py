"""`onnxplain export`: the file, what is printed, and what is refused in one line."""

import json

import pytest
from PIL import Image

MODEL = "models/digits-gap.onnx"


def test_a_file_is_written_and_its_check_is_printed(run, tmp_path):
    out = tmp_path / "new" / "digits.explained.onnx"
    found = run("export", MODEL, "-m", "grad-cam", "-o", out)
    assert found.exit_code == 0
    assert "scores: equal to the original's in every bit" in found.stdout
    assert "grad-cam" in found.stdout
    assert [p.name for p in out.parent.iterdir()] == [out.name]


def test_as_json(run, tmp_path):
    out = tmp_path / "digits.onnx"
    found = run("export", MODEL, "-m", "cam,saliency", "-t", "3", "-o", out, "--json")
    said = json.loads(found.stdout)
    assert said["bytes"] == out.stat().st_size
    assert [m["method"] for m in said["maps"]] == ["cam", "saliency"]
    assert all(m["error"] < 1e-4 for m in said["maps"])
    assert said["scores_equal"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("-m", "lrp"), 2, "unknown method 'lrp'; export has cam,"),
        (("-m", ","), 2, "no method is named"),
        (("-m", "grad-cam", "--layer", "nowhere"), 2, "unknown layer 'nowhere'"),
        (("-m", "gradient", "-t", "11"), 2, "11"),
        (("-m", "integrated-gradients", "--baseline", "mean"), 2, "depends on the picture"),
        (("-m", "gradient", "--image", "nothing.png"), 4, "nothing.png"),
    ],
)
def test_what_is_not_possible_is_said_in_one_line(run, tmp_path, arguments, code, text):
    found = run("export", MODEL, *arguments, "-o", tmp_path / "out.onnx")
    assert found.exit_code == code
    assert text in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(run, tmp_path):
    found = run("export", MODEL, "-m", "gradient", "-o", tmp_path)
    assert found.exit_code == 7
    assert "is a folder" in found.stderr


def test_an_exported_file_is_known_for_what_it_is(run, tmp_path):
    out, again = tmp_path / "digits.onnx", tmp_path / "again.onnx"
    assert run("export", MODEL, "-m", "gradient", "-o", out).exit_code == 0
    said = run("inspect", out)
    assert said.exit_code == 0
    lines = [t for t in said.stdout.splitlines() if "carries maps" in t]
    assert len(lines) == 1
    assert "gradient (attribution) of 'logits'" in lines[0]
    assert json.loads(run("inspect", out, "--json").stdout)["model"]["carries"]
    refused = run("export", out, "-m", "gradient", "-o", again)
    assert refused.exit_code == 2
    assert "export the original" in refused.stderr
    assert not again.exists()


def test_a_picture_without_boxes_cannot_check_a_detector(run, tmp_path):
    blank, out = tmp_path / "blank.png", tmp_path / "out.onnx"
    Image.new("RGB", (96, 96)).save(blank)
    found = run("export", "models/scenes-detector.onnx", "-m", "gradient", "-o", out,
                "--image", blank)  # fmt: skip
    assert found.exit_code == 2
    assert "give another one with --image" in found.stderr
    assert not out.exists()
