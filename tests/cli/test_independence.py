"""What the commands say about files in which one input does not stand for itself."""

import json
import shutil

import company
import numpy as np
import onnx
import pytest

from onnxplain.audit.record import read_record
from onnxplain.explanations.explanation import Explanation

PHOTO = "examples/photos/rocket.jpg"
RECIPE = {
    "version": 1, "name": "unit", "layout": "NCHW", "size": [16, 16], "resize": "stretch",
    "scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3,
}  # fmt: skip
OCCLUSION = ("-m", "occlusion", "-p", "window=4", "-p", "stride=4")
NAMED = "BatchNormalization in training mode (tensor 'm')"


@pytest.fixture
def files(tmp_path):
    """A file in which inputs meet, a random one, and one that is neither."""
    kinds = {
        "meeting": company.MEETING["statistics of the batch"],
        "random": company.RANDOM["noise"],
        "plain": {},
    }
    for name, parts in kinds.items():
        onnx.save(company.classifier(**parts), tmp_path / f"{name}.onnx")
        (tmp_path / f"{name}.preprocess.json").write_text(json.dumps(RECIPE))
        said = {"task": "classes", "scores": "logits"}
        (tmp_path / f"{name}.onnxplain.json").write_text(json.dumps(said))
    return {name: tmp_path / f"{name}.onnx" for name in kinds}


def test_inspect_says_it(run, files):
    said = {"meeting": "not independent", "random": "differ from run to run", "plain": "the same"}
    for name, path in files.items():
        assert said[name] in run("inspect", path).stdout
        found = json.loads(run("inspect", path, "--json").stdout)["model"]
        assert found["independence"]["coupled"] == {"plain": False, "meeting": True}.get(name)
        assert found["independence"]["repeats"] == (name != "random")
        assert bool(found["warnings"]) == (name != "plain")


def test_explain_warns_beside_its_result(run, files, tmp_path):
    out = tmp_path / "out"
    result = run("explain", files["meeting"], PHOTO, "-o", out, *OCCLUSION)
    assert result.exit_code == 0
    assert NAMED in result.stderr
    saved = Explanation.load(out / "rocket.occlusion.npz")
    assert NAMED in saved.notes["independence"]["cause"]
    assert NAMED in saved.provenance["warnings"][-1]
    told = json.loads(
        run("explain", files["meeting"], PHOTO, "-o", out, *OCCLUSION, "--json").stdout
    )
    assert NAMED in told["warnings"][-1]
    assert told["images"][0]["explanations"][0]["notes"]["independence"]["coupled"]
    result = run("explain", files["plain"], PHOTO, "-o", out, *OCCLUSION)
    assert "warning" not in result.stderr


def test_random_files_are_refused_or_averaged(run, files, tmp_path):
    out = tmp_path / "out"
    result = run("explain", files["random"], PHOTO, "-o", out, *OCCLUSION)
    assert result.exit_code == 3
    assert result.stderr.count("RandomNormalLike (tensor 'z')") == 1
    assert not out.exists()
    result = run("explain", files["random"], PHOTO, "-o", out, *OCCLUSION, "-v", "--average", 4)
    assert result.exit_code == 0
    assert "relative error" in result.stdout
    saved = Explanation.load(out / "rocket.occlusion.npz")
    assert saved.maps["standard_error"].shape == saved.attribution.shape
    assert saved.maps["standard_error"].min() > 0
    assert run("explain", files["random"], PHOTO, "--average", 1).exit_code == 2


def test_gradients_of_random_numbers_are_one_line(run, files, tmp_path):
    result = run(
        "explain", files["random"], PHOTO, "-m", "grad-cam", "--average", 3, "-o", tmp_path / "out"
    )
    assert result.exit_code == 5
    assert "RandomNormalLike" in result.stderr


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "ab":
        shutil.copy(PHOTO, folder / f"{name}.jpg")
    return folder


@pytest.mark.parametrize("command", ["audit", "evaluate", "compare"])
def test_other_commands_refuse_random_files(run, files, photos, tmp_path, command):
    models = [files["random"], files["plain"]] if command == "compare" else [files["random"]]
    result = run(command, *models, photos, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert "RandomNormalLike (tensor 'z')" in result.stderr


def test_the_record_of_an_audit_says_it(run, files, photos, tmp_path):
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["occlusion"]\nsanity_pictures = 0\n')
    for name in ("meeting", "plain"):
        out = tmp_path / name
        result = run("audit", files[name], photos, "-o", out, "--config", config)
        assert result.exit_code == 0, result.output
        assert (NAMED in result.stderr) == (name == "meeting")
        about = read_record(out / "record.json").to_dict()["model"]
        assert about["independence"]["coupled"] == (name == "meeting")
        assert any(NAMED in text for text in about["warnings"]) == (name == "meeting")
        del about["independence"]  # as in older records
    assert np.isfinite(about["classes"])
