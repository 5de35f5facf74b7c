"""The Python example: without onnxplain, and with the product's map."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.export.view import View

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/python"
GAP = ROOT / "models/digits-gap.onnx"
PICTURE = ROOT / "examples/digits/3-10.png"
# Runs the example's functions, and says what they have loaded.
CODE = """
import json, sys
import numpy as np, onnxruntime
from explain import explain, prepare

session = onnxruntime.InferenceSession(sys.argv[1])
recipe = json.load(open(sys.argv[3])) if sys.argv[3] else None
pixels, x = prepare(session, sys.argv[2], recipe)
scores, attribution = explain(session, x, int(sys.argv[4]))
np.savez(sys.argv[5], pixels=pixels, x=x, scores=scores, attribution=attribution)
print(*sys.modules)
"""


def run(*words, code=None):
    start = ["-c", code] if code else [str(FOLDER / "explain.py")]
    return subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=FOLDER, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def carrying(exported):
    return exported("digits-gap", "grad-cam,gradient")


@pytest.mark.parametrize(
    "form", [{}, {"required": True}, {"view": View(uint8=True)}], ids=["plain", "required", "uint8"]
)
@pytest.mark.parametrize("target", [3, 8])
def test_scores_and_map_are_those_of_explain(exported, tmp_path, target, form):
    out = tmp_path / "found.npz"
    carrying = exported("digits-gap", "grad-cam,gradient", **form)
    recipe = "" if "view" in form else GAP.with_suffix(".preprocess.json")
    done = run(carrying, PICTURE, recipe, target, out, code=CODE)
    assert done.returncode == 0, done.stderr
    assert {"onnxplain", "torch", "onnx"}.isdisjoint(done.stdout.split())
    found, model = np.load(out), onnxplain.load(GAP)
    read = model.read(PICTURE)
    np.testing.assert_array_equal(found["pixels"], read.seen)
    if "view" not in form:
        np.testing.assert_array_equal(found["x"], read.x)
    theirs = model.explain(PICTURE, "grad-cam", target)
    scale = np.abs(theirs.attribution).max()
    # Sums of some hundred float32 products on both sides.
    np.testing.assert_allclose(
        found["attribution"] / scale, theirs.attribution / scale, rtol=0, atol=2e-5
    )
    others = np.delete(found["scores"], target)
    score = found["scores"][target] - others.mean()
    assert score == pytest.approx(theirs.score, rel=1e-5)


@pytest.mark.parametrize("name", ["chelsea.png", "rocket.jpg", "camera.png", "transparent"])
def test_pictures_are_cut_as_the_product_cuts_them(name, tmp_path):
    path, lite = ROOT / "examples/photos" / name, ROOT / "models/efficientnet-lite0.onnx"
    if name == "transparent":
        path = tmp_path / "transparent.png"
        pixels = np.random.default_rng(0).integers(0, 256, (300, 211, 4), np.uint8)
        Image.fromarray(pixels).save(path)
    code = "import json, sys, numpy\nfrom explain import encode, read_pixels\n" + (
        "recipe = json.load(open(sys.argv[2]))\n"
        "numpy.save(sys.argv[3], encode(read_pixels(sys.argv[1], recipe), recipe))\n"
    )
    out = tmp_path / "x.npy"
    done = run(path, lite.with_suffix(".preprocess.json"), out, code=code)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(out), onnxplain.load(lite).read(path).x)


def test_the_command(carrying, tmp_path):
    beside = [GAP.with_suffix(end) for end in (".preprocess.json", ".labels.json")]
    out = tmp_path / "overlay.png"
    done = run(
        carrying, PICTURE, "--preprocess", beside[0], "--labels", beside[1], "-t", 3, "-o", out
    )
    assert done.returncode == 0, done.stderr
    best = done.stdout.split()[1]
    assert best == json.loads(beside[1].read_text())[onnxplain.load(GAP).predict(PICTURE).winner]
    drawn = np.asarray(Image.open(out), int)
    map_ = onnxplain.load(GAP).explain(PICTURE, "grad-cam", 3).attribution
    strongest = np.unravel_index(np.abs(map_).argmax(), map_.shape)
    red, _, blue = drawn[strongest]
    assert (red > blue) == (map_[strongest] > 0)
    assert red != blue


def test_a_model_without_maps_is_refused_in_one_line(tmp_path):
    done = run(GAP, PICTURE, "--preprocess", GAP.with_suffix(".preprocess.json"))
    assert done.returncode == 1
    assert done.stderr.startswith("this model carries no maps")
    assert done.stderr.count("\n") == 1


def test_a_class_that_is_none_is_refused(carrying):
    done = run(carrying, PICTURE, "--preprocess", GAP.with_suffix(".preprocess.json"), "-t", 10)
    assert done.returncode == 1
    assert done.stderr == "class 10 is none; the classes are 0 to 9\n"


@pytest.mark.parametrize("change", [{"resize": "pad"}, {"resize_to": 9}, {"color": "bands"}])
def test_other_preprocessing_is_refused(carrying, tmp_path, change):
    recipe = json.loads(GAP.with_suffix(".preprocess.json").read_text()) | change
    path = tmp_path / "other.json"
    path.write_text(json.dumps(recipe))
    done = run(carrying, PICTURE, "--preprocess", path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
