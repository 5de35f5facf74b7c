"""The C++ example: built, run, and its numbers are the product's.

Needs cmake, a compiler, and a release of ONNX Runtime for C++ in the folder that
``ONNXPLAIN_ONNXRUNTIME`` names (with ``include`` and ``lib``).
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.export.view import View
from onnxplain.render.colors import blend
from onnxplain.render.overlay import shown_map

ROOT = Path(__file__).parents[2]
LITE, CAT = ROOT / "models/efficientnet-lite0.onnx", ROOT / "examples/photos/chelsea.png"
SHAPES = {"view": View(uint8=True, overlay=True)}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    runtime = os.environ.get("ONNXPLAIN_ONNXRUNTIME")
    if not runtime:
        pytest.skip("ONNXPLAIN_ONNXRUNTIME names no folder of ONNX Runtime for C++")
    for tool in ("cmake", "c++"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("build")
    for words in (
        ["-S", ROOT / "examples/cpp", "-B", folder, f"-DONNXRUNTIME_DIR={Path(runtime).resolve()}"],
        ["--build", folder],
    ):
        done = subprocess.run(["cmake", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warning" not in done.stdout + done.stderr
    return folder / "explain"


def run(program, *words):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)


@pytest.fixture
def ppm(tmp_path):
    """The cat as EfficientNet sees it."""
    path = tmp_path / "cat.ppm"
    Image.fromarray(onnxplain.load(LITE).read(CAT).seen).save(path)
    return path


@pytest.mark.parametrize("target", [None, 285])
def test_scores_and_overlay(program, exported, ppm, tmp_path, target):
    """The overlay moves by one of 255 levels where a value lies between two colours."""
    carrying, out = exported("efficientnet-lite0", "grad-cam", **SHAPES), tmp_path / "out.ppm"
    done = run(program, carrying, ppm, out, *([] if target is None else [target]))
    assert done.returncode == 0, done.stderr
    print(done.stdout.splitlines()[-1])
    model = onnxplain.load(LITE)
    scores = model.predict(CAT).kinds["logit"]
    told = re.findall(r"(\S+)  class (\d+)", done.stdout)
    assert [int(k) for _, k in told] == list(np.argsort(-scores)[:5])
    np.testing.assert_allclose([float(s) for s, _ in told], np.sort(scores)[:-6:-1], atol=1e-4)
    drawn = np.asarray(Image.open(out), int)
    map_ = model.explain(CAT, "grad-cam", target)
    wanted = blend_of(map_)
    assert np.abs(drawn - wanted).max() <= 1


def blend_of(explanation):
    """The overlay at the model's size, by the product's own drawing."""
    values = shown_map(explanation, explanation.pixels.shape[:2]).values
    return blend(explanation.pixels, values, explanation.display).astype(int)


def test_what_is_not_possible_is_said_in_one_line(program, exported, ppm, tmp_path):
    carrying = exported("efficientnet-lite0", "grad-cam", **SHAPES)
    small, text = tmp_path / "small.ppm", tmp_path / "text.ppm"
    Image.new("RGB", (8, 8)).save(small)
    text.write_text("P6 no picture")
    (tmp_path / "short.ppm").write_bytes(b"P6\n224 224\n255\n" + b"x" * 99)
    for words, code, said in (
        ((), 2, "usage: explain"),
        ((LITE, ppm, "out.ppm"), 1, "onnxplain export MODEL"),
        ((text, ppm, "out.ppm"), 1, "text.ppm failed"),
        ((carrying, small, "out.ppm"), 1, "takes pictures of 224 x 224"),
        ((carrying, text, "out.ppm"), 1, "no PPM file"),
        ((carrying, tmp_path / "short.ppm", "out.ppm"), 1, "ends too early"),
        ((carrying, ppm, tmp_path / "no/out.ppm"), 1, "cannot write"),
        ((carrying, ppm, "out.ppm", "cat"), 1, "cat is no class"),
        ((carrying, ppm, "out.ppm", "1000"), 1, "idx"),
    ):
        done = run(program, *words)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert done.stderr.strip().count("\n") == 0
