"""`onnxplain export`: the file, what is printed, and what is refused in one line."""

import json

import onnx
import onnxruntime
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


def test_inputs_without_defaults(run, tmp_path):
    out = tmp_path / "digits.onnx"
    assert run("export", MODEL, "-m", "cam", "-o", out, "--required-inputs").exit_code == 0
    inputs = [i.name for i in onnxruntime.InferenceSession(out).get_inputs()]
    assert inputs == ["image", "explain", "target", "contrast"]


def test_forms_of_maps_and_pictures(run, tmp_path):
    out = tmp_path / "digits.onnx"
    form = ("--map-size", "input", "--map-scale", "unit", "--overlay", "--uint8")
    found = run("export", MODEL, "-m", "grad-cam", *form, "-o", out)
    assert found.exit_code == 0
    assert "preprocessing inside (digits, from digits-gap.preprocess.json)" in found.stdout
    assert "maps: size of the input, unit" in found.stdout
    assert "overlay: within" in found.stdout
    said = json.loads(run("export", MODEL, "-m", "grad-cam", *form, "-o", out, "--json").stdout)
    assert said["inputs"]["picture"] == "picture"
    assert said["overlays"] == {"grad-cam": "overlay"}
    assert said["looks"]["map_error"] < 1e-5
    plain = json.loads(run("export", MODEL, "-m", "grad-cam", "-o", out, "--json").stdout)
    assert plain["looks"] is None
    assert "picture" not in plain["inputs"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("-m", "occlusion"), 2, "unknown method 'occlusion'; export has cam,"),
        (("-m", ","), 2, "no method is given"),
        (("-m", "lrp", "--composite", "epsilon-pls"), 2, "unknown composite 'epsilon-pls'"),
        (("-m", "lrp", "--composite", "none.toml"), 2, "cannot read composite 'none.toml'"),
        (("-m", "grad-cam", "--layer", "nowhere"), 2, "unknown layer 'nowhere'"),
        (("-m", "gradient", "-t", "11"), 2, "11"),
        (("-m", "gradient", "-t", "1", "--required-inputs"), 2, "no default target"),
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


def test_composites_by_name_and_by_file(run, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('name = "mine"\n[[rule]]\noperator = "convolution"\nrule = "z-plus"\n')
    for name, said in (("epsilon-plus", "epsilon-plus"), (own, "mine")):
        out = tmp_path / "out.onnx"
        found = run("export", MODEL, "-m", "lrp", "--composite", name, "-o", out, "--json")
        assert found.exit_code == 0
        assert json.loads(found.stdout)["maps"][0]["error"] < 1e-4
        held = {p.key: p.value for p in onnx.load(out).metadata_props}
        assert json.loads(held["onnxplain.export"])["composite"]["name"] == said


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
