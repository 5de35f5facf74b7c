"""The Node example: pixels are Pillow's, and the map is the product's."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import onnxplain
from onnxplain.explanations.display import upsample
from onnxplain.export.view import View
from onnxplain.render.colors import blend

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/node"
LITE, GAP = ROOT / "models/efficientnet-lite0.onnx", ROOT / "models/digits-gap.onnx"
CAT, DIGIT = ROOT / "examples/photos/chelsea.png", ROOT / "examples/digits/3-10.png"
RESIZE = """
import { readFileSync, writeFileSync } from "node:fs";
import { resize } from "./examples/web/resize.js";
const [path, width, height, box, columns, rows, filter, out] = process.argv.slice(1);
const data = readFileSync(path);
const picture = { data, width: Number(width), height: Number(height) };
const made = resize(picture, JSON.parse(box), Number(columns), Number(rows), filter);
writeFileSync(out, made.data);
"""


def node(*words):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return subprocess.run(
        ["node", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def run(*words):
    if not (FOLDER / "node_modules/onnxruntime-node").is_dir():
        pytest.skip("examples/node has no node_modules; run npm install there")
    return node(FOLDER / "explain.js", *words)


def beside(path):
    return [path.with_suffix(end) for end in (".preprocess.json", ".labels.json")]


@pytest.mark.parametrize("filter_", ["box", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((0, 0, 37, 23), (11, 9)),
        ((0, 0, 37, 23), (80, 61)),
        ((3.3, 1.25, 30.1, 20.7), (16, 16)),
        ((8, 4, 24, 20), (16, 16)),
        ((0, 0, 37, 23), (1, 1)),
    ],
)
def test_pictures_are_resized_as_pillow_does_it(filter_, box, size, rng, tmp_path):
    pixels = rng.integers(0, 256, (23, 37, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[5:9, 5:20] = 255  # edges that bicubic filters overshoot at
    pixels[9:13, 5:20, :3] = 0
    (tmp_path / "in").write_bytes(pixels.tobytes())
    words = (tmp_path / "in", 37, 23, json.dumps(box), *size, filter_, tmp_path / "out")
    done = node("--input-type=module", "-e", RESIZE, *words)
    assert done.returncode == 0, done.stderr
    made = np.fromfile(tmp_path / "out", np.uint8).reshape(size[1], size[0], 4)
    wanted = Image.fromarray(pixels[..., :3]).resize(
        size, Image.Resampling[filter_.upper()], box=box
    )
    np.testing.assert_array_equal(made[..., :3], np.asarray(wanted))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("target", [None, 285])
def test_scores_and_map_of_a_photo_are_those_of_explain(exported, tmp_path, target, inside):
    """Bounded by 1e-5 of the map's largest number."""
    carrying = exported("efficientnet-lite0", "grad-cam", required=True, view=View(uint8=inside))
    recipe, labels = beside(LITE)
    more = [] if inside else ["--preprocess", recipe]
    more += [] if target is None else ["--target", target]
    out = tmp_path / "overlay.png"
    done = run(carrying, CAT, labels, *more, "--json", "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    model = onnxplain.load(LITE)
    theirs = model.explain(CAT, "grad-cam", target)
    scale = np.abs(theirs.attribution).max()
    ours = np.array(found["map"]).reshape(found["dims"])[0]
    error = np.abs(ours - theirs.attribution).max() / scale
    print(f"{found['milliseconds']:.0f} ms, the map differs by {error:.1e}")
    assert error < 1e-5
    chosen = model.predict(CAT).winner if target is None else target
    score = found["scores"][chosen] - np.mean(np.delete(found["scores"], chosen))
    assert score == pytest.approx(theirs.score, rel=1e-5)
    strength = upsample(theirs.attribution / scale, (224, 224))
    seen = np.asarray(model.read(CAT).seen, np.uint8)
    wanted = blend(seen, strength, "signed" if strength.min() < 0 else "positive").astype(int)
    # The scale has 255 steps here, and none there; the colours are rounded twice there.
    assert np.abs(np.asarray(Image.open(out).convert("RGB")) - wanted).max() <= 2


def test_the_command(exported, tmp_path):
    """A grey model, whose file takes colours."""
    carrying = exported("digits-gap", "gradient", required=True, view=View(uint8=True))
    done = run(carrying, DIGIT, beside(GAP)[1], "--out", tmp_path / "o.png")
    assert done.returncode == 0, done.stderr
    model = onnxplain.load(GAP)
    score, name = done.stdout.split()[:2]
    assert name == model.labels[model.predict(DIGIT).winner]
    assert float(score) == pytest.approx(model.predict(DIGIT).kinds["logit"].max(), abs=5e-4)
    assert done.stdout.count("\n") == 6


def test_what_is_not_possible_is_said_in_one_line(exported, tmp_path):
    carrying = exported("digits-gap", "gradient")
    (tmp_path / "text.png").write_text("no picture")
    recipe, labels = beside(GAP)
    for words, said in (
        ((carrying,), "usage: node explain.js"),
        ((carrying, DIGIT), "has no preprocessing inside"),
        ((carrying, DIGIT, "--target", "cat"), "usage: node explain.js"),
        ((GAP, DIGIT, "--preprocess", recipe), "digits-gap.onnx carries no maps"),
        ((labels, DIGIT, "--preprocess", recipe), "is not an ONNX model"),
        ((carrying, tmp_path / "text.png", "--preprocess", recipe), "is neither a PNG nor a JPEG"),
        ((carrying, DIGIT, "--preprocess", tmp_path / "no.json"), "cannot read"),
        ((carrying, DIGIT, "--preprocess", tmp_path / "text.png"), "is not JSON"),
        (
            (carrying, DIGIT, "--preprocess", recipe, "--target", "3"),
            "export it with --required-inputs",
        ),
    ):
        done = run(*words, "--out", tmp_path / "o.png")
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "o.png").exists()
