"""The verifier that shares no code repeats predictions from the record alone."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onnxplain.inputs.preprocess import Preprocess

FILE = Path("onnxplain/data/verify_dossier.py")


def test_it_imports_nothing_of_the_package():
    tree = ast.parse(FILE.read_text("utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    others = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    assert others == {"numpy", "onnxruntime", "PIL", "cryptography"}


def test_it_runs_alone_and_repeats_every_prediction(unsigned, tmp_path):
    command = [sys.executable, "-I", unsigned / "verify_dossier.py", unsigned]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "predictions of 3 pictures repeat" in found.stdout
    assert "3 inputs equal to the byte" in found.stdout


def change_record(folder, edit):
    record = json.loads((folder / "record.json").read_text())
    edit(record)
    (folder / "record.json").write_text(json.dumps(record))


def worse(record):
    record["pictures"][1]["top"][0]["probability"] -= 2e-4


def other_picture(record):
    record["pictures"][2]["file_sha256"] = "0" * 64


def other_class(record):
    record["pictures"][0]["predicted"] = 5


def other_model(record):
    record["model"]["files"][0]["sha256"] = "0" * 64


def other_scale(record):
    record["preprocess"]["scale"] *= 1.5


@pytest.mark.parametrize("edit", [worse, other_picture, other_class, other_model, other_scale])
def test_a_record_that_does_not_repeat(unsigned, verifier, edit):
    change_record(unsigned, edit)
    with pytest.raises(verifier.DiffersError):
        verifier.check_predictions(str(unsigned))


def values(record):
    record["model"]["task"] = "values"


def inner(record):
    record["model"]["output"] = "inside"


@pytest.mark.parametrize("edit", [values, inner])
def test_what_it_cannot_repeat_is_not_passed(unsigned, verifier, edit):
    change_record(unsigned, edit)
    with pytest.raises(verifier.UncheckedError):
        verifier.check_predictions(str(unsigned))


@pytest.mark.parametrize("size", [(40, 30), (31, 64), (17, 17)])
@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"crop_fraction": 0.875},
        {"resize": "stretch", "crop_fraction": 0.9, "interpolation": "bilinear"},
        {"resize_to": 17},
        {"resize_to": (19, 21), "position": (0.0, 1.0)},
        {"color": "BGR", "mean": (1.0, 2.0, 3.0), "std": (4.0, 5.0, 6.0), "scale": 0.5},
        {"color": "gray", "mean": (0.5,), "std": (0.25,), "scale": 1 / 255},
        {"dtype": "uint8"},
        {"dtype": "int8", "mean": (128.0,) * 3, "layout": "NHWC"},
    ],
)
def test_its_inputs_are_those_of_the_package(tmp_path, verifier, recipe, size):
    given = {"name": "made", "layout": "NCHW", "size": (16, 12), **recipe}
    known = Preprocess.from_dict(json.loads(json.dumps(Preprocess(**given).to_dict())))
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = verifier.model_input(str(tmp_path / "a.png"), json.loads(json.dumps(known.to_dict())))
    np.testing.assert_array_equal(found, known.apply(Image.fromarray(pixels)))


@pytest.mark.parametrize("way", ["pad", "pad-first", "none"])
def test_other_ways_are_refused(tmp_path, verifier, way):
    Image.new("RGB", (20, 30)).save(tmp_path / "a.png")
    recipe = Preprocess(name="a", layout="NCHW", size=(8, 8), resize=way).to_dict()
    with pytest.raises(verifier.UncheckedError, match="not repeated"):
        verifier.model_input(str(tmp_path / "a.png"), recipe)


def test_scores(verifier):
    logits = np.array([[1.0, 3.0, -1.0]])
    wanted = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(verifier.scores(logits, "logits", "probability"), wanted)
    np.testing.assert_allclose(verifier.scores(wanted[None], None, "probability"), wanted)
    np.testing.assert_allclose(verifier.scores([[0.2]], None, "probability"), [0.8, 0.2])
    np.testing.assert_allclose(
        verifier.scores([[0.3]], "logits", "probability"),
        [1 / (1 + np.exp(0.3)), 1 / (1 + np.exp(-0.3))],
    )
    np.testing.assert_array_equal(verifier.scores(logits, "raw", "score"), logits[0])
    for values in (logits, np.zeros((2, 3))):
        with pytest.raises(verifier.UncheckedError):
            verifier.scores(values, None, "probability")
