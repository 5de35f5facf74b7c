"""Several folders, patterns, tables and pictures, for every command that takes DATA."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from onnxplain.cli import progress_lines
from onnxplain.features.archive import read_archive
from onnxplain.perturb.background import Background
from tests.cli.conftest import MODEL

DIGITS = Path("examples/digits").resolve()
SOFTMAX = "models/digits-softmax.onnx"
# Two folders whose pictures have the same names, a table, and a picture.
MIXED = ("train", "test/", "listed/labels.csv", "alone.png")
NAMES = ["train/3/a.png", "train/8/a.png", "test/3/a.png", "listed/x.png", "alone.png"]
LABELS = [3, 8, 3, 1, None]


@pytest.fixture(autouse=True)
def disk(tmp_path, monkeypatch):
    models = Path("models").resolve()
    for name, digit in zip(NAMES, ("3-10", "8-0", "3-10", "1-1", "8-0"), strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        one = next(iter(sorted(DIGITS.glob(f"{digit[0]}-*.png"))))
        shutil.copy(one, tmp_path / name)
    (tmp_path / "listed/labels.csv").write_text("file,label\nx.png,1\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(models)
    return tmp_path


@pytest.fixture
def config(disk):
    path = disk / "audit.toml"
    path.write_text('methods = ["grad-cam"]\nmeasures = ["deletion"]\nsanity_pictures = 0\n')
    return path


@pytest.fixture
def audited(run, config):
    found = run("audit", MODEL, *MIXED, "--config", config, "-o", "out")
    assert found.exit_code == 0, found.stderr
    return Path("out/record.json")


def test_audit_verify_and_report(run, audited):
    record = json.loads(audited.read_text("utf-8"))
    assert record["format"] == 5
    assert record["data"]["source"] == list(MIXED)
    assert [(p["name"], p.get("label")) for p in record["pictures"]] == list(
        zip(NAMES, LABELS, strict=True)
    )
    page = Path("out/report.html").read_text("utf-8")
    assert "train, test/, listed/labels.csv, alone.png" in page
    told = [w for source in MIXED for w in ("--data", source)]
    found = run("verify", audited, "--model", MODEL, *told)
    assert found.exit_code == 0, found.stdout + found.stderr
    assert "everything that was checked reproduces" in found.stdout
    found = run("report", "out", *told, "--json")
    assert json.loads(found.stdout)["warnings"] == []
    assert Path("out/report.html").read_text("utf-8") == page


def test_data_that_moved_are_verified_in_any_order(run, audited, disk):
    moved = disk / "elsewhere"
    moved.mkdir()
    for name in ("train", "test", "listed", "alone.png"):
        shutil.move(disk / name, moved / name)
    places = [moved / n for n in ("listed/labels.csv", "test", "alone.png", "train")]
    told = [w for place in places for w in ("--data", place)]
    found = run("verify", audited, "--model", MODEL, *told)
    assert found.exit_code == 0, found.stdout + found.stderr
    found = run("report", "out", *told, "--json")
    assert json.loads(found.stdout)["warnings"] == []
    found = run("verify", audited, "--model", MODEL, "--data", moved / "train")
    assert found.exit_code == 2
    assert "the record has 4 sources of data: train, test/, listed/labels.csv, alone.png; give" in (
        found.stderr
    )


def test_sources_of_a_record_are_followed_inside_of_its_folder_alone(run, audited, disk):
    found = run("verify", audited, "--model", MODEL)
    assert found.exit_code == 2
    assert "the record says 'train', which is not in its folder and is not followed" in found.stderr
    found = run("report", "out")
    assert "no photos are shown: the record says 'train'" in found.stderr
    assert 'class="photo' not in Path("out/report.html").read_text("utf-8")
    for name in ("train", "test", "listed", "alone.png"):
        shutil.move(disk / name, disk / "out" / name)
    assert run("verify", audited, "--model", MODEL).exit_code == 0
    found = run("report", "out", "--json")
    assert json.loads(found.stdout)["warnings"] == []
    shutil.move(disk / "out/alone.png", disk / "alone.png")
    (disk / "out/alone.png").symlink_to(disk / "alone.png")
    found = run("verify", audited, "--model", MODEL)
    assert found.exit_code == 2
    assert "the record says 'alone.png', which is not in its folder" in found.stderr


def test_an_audit_goes_on_with_the_same_data_alone(run, audited, config):
    again = run("audit", MODEL, *MIXED, "--config", config, "-o", "out")
    assert "resuming: 5 of 5 pictures are done" in again.stderr
    other = run("audit", MODEL, *MIXED[:-1], "--config", config, "-o", "out")
    assert other.exit_code == 2
    assert "not the same data" in other.stderr


def test_evaluate(run):
    found = run("evaluate", MODEL, *MIXED, "-m", "cam", "--metrics", "deletion", "-o", "out", "-q")
    assert found.exit_code == 0, found.stderr
    rows = csv.DictReader(Path("out/rows.csv").read_text("utf-8").splitlines())
    assert list(dict.fromkeys(r["sample"] for r in rows)) == NAMES


def test_the_built_in_set_is_measured_alone(run):
    found = run("evaluate", MODEL, "flowers", "train", "-m", "cam", "-o", "out")
    assert found.exit_code == 2
    assert "'flowers' is the built-in data set; give it alone" in found.stderr


def test_compare(run):
    # Models and data in any order: a folder is no model.
    found = run("compare", "train", MODEL, *MIXED[1:], SOFTMAX, "-m", "occlusion", "-o", "out",
                "--show", 1)  # fmt: skip
    assert found.exit_code == 0, found.stderr
    rows = csv.DictReader(Path("out/pairs.csv").read_text("utf-8").splitlines())
    assert [r["sample"] for r in rows] == NAMES


def test_features(run):
    layer = ("--layer", "/2/Conv_output_0", "--count", 2, "--images", 5, "--projection", "none")
    found = run("features", "top-patches", MODEL, *MIXED, *layer, "-o", "out")
    assert found.exit_code == 0, found.stderr
    alone = run("features", "top-patches", MODEL, "train", *layer, "-o", "one")
    assert alone.exit_code == 0, alone.stderr
    name = "digits-gap.top-patches.2-Conv_output_0.npz"
    five, two = (read_archive(Path(f, name), "top patches")[1] for f in ("out", "one"))
    assert len(np.unique(five["images"])) == 5
    assert len(np.unique(two["images"][two["images"] >= 0])) == 2
    found = run("features", "relevant", MODEL, *MIXED[:3], "--mu", 2, "-o", "out")
    assert found.exit_code == 0, found.stderr
    found = run("features", "relevant", MODEL, *MIXED, "-o", "out")
    assert "alone.png" in found.stderr  # it has no class
    found = run("features", "atlas", MODEL, *MIXED, "--cells", 2, "--per-image", 2, "-o", "out")
    assert found.exit_code == 0, found.stderr


def test_background(run):
    found = run("background", MODEL, *MIXED, "-o", "b.npz", "--window", "2x2", "--padding", "1")
    assert found.exit_code == 0, found.stderr
    assert Background.load("b.npz").count == 5


def test_inspect_tries_them(run):
    found = run("inspect", MODEL, "--try", *MIXED, "--json")
    assert found.exit_code == 0, found.stderr
    assert all(name in found.stdout for name in NAMES)


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (("audit", MODEL), "out"),
        (("evaluate", MODEL, "-m", "occlusion", "--metrics", "deletion"), "out"),
        (("compare", MODEL, SOFTMAX, "-m", "occlusion"), "out"),
        (("features", "top-patches", MODEL, "--count", 2, "--images", 2), "out"),
        (("features", "relevant", MODEL, "--mu", 2), "out"),
        (("features", "atlas", MODEL, "--cells", 2, "--per-image", 2), "out"),
        (("features", "maps", MODEL), "out"),
        (("background", MODEL, "--window", "2x2", "--padding", "1"), "b.npz"),
    ],
)
def test_progress_is_said_where_nobody_watches_a_terminal(run, config, monkeypatch, command, out):
    monkeypatch.setattr(progress_lines, "_SECONDS", 0.0)
    monkeypatch.setattr(progress_lines, "_LOOK", 0.01)
    own = ("--config", config) if command[0] == "audit" else ()
    data = sorted(map(str, Path("train").glob("*/*.png"))) if "maps" in command else MIXED[:3]
    found = run(*command, *own, *data, "-o", out)
    assert found.exit_code == 0, found.stderr
    told = [t for t in found.stderr.splitlines() if re.search(r"\b\d+ % in \d+:\d\d", t)]
    assert told
    if command[0] in ("audit", "evaluate", "compare"):
        assert any("left" in t for t in told)
    quiet = run(*command, *own, *data, "-o", out, *(() if out == "b.npz" else ("-q",)))
    assert out == "b.npz" or " % in " not in quiet.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("audit",), ("evaluate",), ("features", "top-patches"), ("features", "relevant"),
        ("features", "atlas"), ("background",),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_line_by_each(run, disk, command):
    (disk / "empty").mkdir()
    out = ("-o", "b.npz") if command == ("background",) else ("-o", "out")
    for data, code, said in (
        (("train", SOFTMAX), 2, "is a model, not a picture; only `compare` takes several models"),
        (("train", "nowhere"), 4, "there is no 'nowhere'"),
        (("train", "empty"), 4, "no pictures in 'empty'"),
        (("train", "*.jpg"), 4, "no pictures in '*.jpg'"),
        (("train", "audit.json"), 2, "audit.json"),
    ):
        (disk / "audit.json").write_text('{"a": 1}')
        found = run(*command, MODEL, *data, *out)
        assert found.exit_code == code, found.stderr
        assert said in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
    swapped = run(*command, "train", MODEL, *out)
    assert swapped.exit_code == 2
    assert "the model comes first" in swapped.stderr
    assert run(*command, MODEL, *out).exit_code == 2
