"""A folder with good pictures between bad ones: all good ones are done, each bad one is named."""

import json
import os
import sys
from pathlib import Path

import pytest

import onnxplain.model.model
from onnxplain.audit.record import read_record
from tests.cli.conftest import MODEL
from tests.hostile_pictures import REFUSED, no_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names, links and pipes of Linux")

CHOSEN = ("exif.webp", "avif.png", "postscript.jpg", "truncated.jpg", "bomb.png", "empty.png")
OTHER = "models/digits-softmax.onnx"
CONFIG = 'methods = ["grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'
LATIN, LONG = b"caf\xe9.png", b"n" * 250 + b".png"


@pytest.fixture
def folder(tmp_path):
    """Five good digits, some under names that few programs expect, and ten bad files."""
    path = tmp_path / "data"
    path.mkdir()
    digits = sorted(Path("examples/digits").glob("*.png"))
    for name, digit in zip((b"a.png", b"m.png", b"z.png", LATIN, LONG), digits, strict=False):
        with open(os.fsencode(path) + b"/" + name, "wb") as file:
            file.write(digit.read_bytes())
    for name in CHOSEN:
        (path / name).write_bytes(REFUSED[name][0])
    no_files(path)
    (path / "folder.png").mkdir()
    return path


def bad(folder):
    return [*CHOSEN, "dangling.png", "circle.png", "pipe.png", "endless.png"]


def require_each_named_once(found, folder):
    said = found.stdout + found.stderr
    assert "Traceback" not in said
    for name in bad(folder):
        assert said.count(name) == 1, name


def test_explain(run, folder, tmp_path):
    # More than ten: sheets are drawn if they are asked for.
    found = run("explain", MODEL, folder, "-m", "cam", "-o", tmp_path / "out", "--sheets")
    assert found.exit_code == 4
    require_each_named_once(found, folder)
    written = [os.fsencode(p.name) for p in (tmp_path / "out").glob("*.cam.npz")]
    assert {w[0:1] for w in written} == {b"a", b"m", b"z", b"c", b"n"}
    assert b"caf\xe9.cam.npz" in written
    assert len(list((tmp_path / "out").glob("*.sheet.png"))) == 5
    assert "caf\\udce9.png" in found.stdout


def test_explain_as_json(run, folder, tmp_path):
    found = run("explain", MODEL, folder, "-m", "cam", "-o", tmp_path / "out", "--json")
    images = json.loads(found.stdout)["images"]
    codes = {os.fsencode(Path(i["image"]).name): i["exit_code"] for i in images}
    assert {n for n, code in codes.items() if code == 0} == {
        b"a.png", b"m.png", b"z.png", LATIN, LONG
    }  # fmt: skip
    assert set(codes.values()) == {0, 4}
    assert len(codes) == 15


def test_feature_maps(run, folder, tmp_path):
    found = run("features", "maps", MODEL, folder, "--count", 1, "-o", tmp_path / "out", "-q")
    assert found.exit_code == 4
    require_each_named_once(found, folder)
    assert len(list((tmp_path / "out").glob("*.npz"))) == 5


def test_top_patches(run, folder, tmp_path):
    arguments = ("--layer", "/2/Conv_output_0", "--count", 1, "--images", 2)
    found = run("features", "top-patches", MODEL, folder, *arguments, "-o", tmp_path / "out")
    assert found.exit_code == 0, found.stderr
    require_each_named_once(found, folder)


@pytest.mark.parametrize("view", ["atlas", "relevant"])
def test_views_of_a_data_set_with_classes(run, folder, tmp_path, view):
    data = tmp_path / "classes"
    data.mkdir()
    folder.rename(data / "0")  # the folder's name is the class
    found = run("features", view, MODEL, data, "-o", tmp_path / "out")
    assert found.exit_code == 0, found.stderr
    require_each_named_once(found, folder)


def test_evaluate(run, folder, tmp_path):
    arguments = ("-m", "cam", "--metrics", "deletion", "-o", tmp_path / "out")
    found = run("evaluate", MODEL, folder, *arguments)
    assert found.exit_code == 0, found.stderr
    require_each_named_once(found, folder)
    rows = (tmp_path / "out/rows.csv").read_text("utf-8").splitlines()
    assert len([r for r in rows if ",cam," in r]) == 5
    assert any(r.startswith("caf\\udce9.png,cam,") for r in rows)


def test_compare(run, folder, tmp_path):
    found = run("compare", MODEL, OTHER, folder, "-m", "occlusion", "-o", tmp_path / "out")
    assert found.exit_code == 0, found.stderr
    require_each_named_once(found, folder)
    document = json.loads((tmp_path / "out/comparison.json").read_text("utf-8"))
    assert len(document["problems"]) == 10
    assert len({p["sample"] for p in document["predictions"]}) == 5


def test_audit_and_going_on(run, folder, tmp_path):
    (tmp_path / "audit.toml").write_text(CONFIG)
    out = tmp_path / "out"
    arguments = ("--config", tmp_path / "audit.toml", "-o", out)
    found = run("audit", MODEL, folder, *arguments)
    assert found.exit_code == 0, found.stderr
    require_each_named_once(found, folder)
    assert "5 of 15 pictures examined" in found.stdout
    record = read_record(out / "record.json").to_dict()
    assert sorted(f["name"] for f in record["failures"]) == sorted(bad(folder))
    again = run("audit", MODEL, folder, *arguments)
    assert again.exit_code == 0
    assert "15 of 15 pictures are done" in again.stderr
    require_each_named_once(again, folder)
    assert run("report", out, "--data", folder).exit_code == 0
    assert "caf\\udce9.png" in (out / "report.html").read_text("utf-8")
    told = ("--model", MODEL, "--data", folder)
    assert run("verify", out / "record.json", "--sample", 15, *told).exit_code == 0


@pytest.fixture
def defect(monkeypatch):
    """A mistake of ours that one of the pictures meets."""
    read = onnxplain.model.model.Model.read

    def mistaken(self, image):
        if Path(str(image)).name == "m.png":
            raise ZeroDivisionError("ours")
        return read(self, image)

    monkeypatch.setattr(onnxplain.model.model.Model, "read", mistaken)


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "-m", "cam"),
        ("features maps", "--count", 1),
        ("features top-patches", "--layer", "/2/Conv_output_0", "--count", 1, "--images", 2),
        ("evaluate", "-m", "cam", "--metrics", "deletion"),
        ("audit", "--config", "audit.toml"),
    ],
    ids=lambda words: words[0],
)
def test_a_defect_of_ours_on_one_picture_is_remembered_to_the_end(
    run, folder, tmp_path, defect, words
):
    command, *options = words
    (tmp_path / "audit.toml").write_text(CONFIG)
    options = [tmp_path / o if o == "audit.toml" else o for o in options]
    found = run(*command.split(), MODEL, folder, *options, "-o", tmp_path / "out")
    assert found.exit_code == 70
    assert found.stderr.count("internal error: ZeroDivisionError: ours") == 1
    assert "m.png: " in found.stderr
    assert "Traceback" not in found.stderr
    assert list((tmp_path / "out").iterdir())
    debug = run(*command.split(), MODEL, folder, *options, "-o", tmp_path / "out2", "--debug")
    assert debug.exit_code == 70
    assert "in mistaken" in debug.stderr


def test_compare_leaves_out_the_picture_of_a_defect(run, folder, tmp_path, monkeypatch):
    predict = onnxplain.model.model.Model.predict

    def mistaken(self, image, **options):
        if getattr(image, "pixels", None) is not None and image.pixels.sum() == total:
            raise ZeroDivisionError("ours")
        return predict(self, image, **options)

    total = onnxplain.load(MODEL).read(folder / "m.png").pixels.sum()
    monkeypatch.setattr(onnxplain.model.model.Model, "predict", mistaken)
    found = run("compare", MODEL, OTHER, folder, "-m", "occlusion", "-o", tmp_path / "out")
    assert found.exit_code == 70
    assert "left out: m.png: internal error: ZeroDivisionError: ours" in found.stderr
