"""The compare command: table, files and refusals."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import MODEL
from tests.small_models import NEVER_RUNS, write_model

FASHION = "models/fashion-cnn.onnx"
GAP, SOFTMAX = "models/digits-gap.onnx", "models/digits-softmax.onnx"


@pytest.fixture
def compare(run, tmp_path):
    def call(*arguments):
        return run("compare", *arguments, "-o", tmp_path / "out")

    call.folder = tmp_path / "out"
    return call


def test_table_and_files(compare):
    found = compare(FASHION, FASHION, "examples/fashion", "--limit", 2, "-m", "grad-cam")
    assert found.exit_code == 0, found.stderr
    assert "rank corr." in found.stdout
    assert "Where they differ most" in found.stdout
    names = {p.name for p in compare.folder.iterdir()}
    assert names == {"comparison.html", "comparison.json", "pairs.csv", "different.png"}
    with (compare.folder / "pairs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["spearman"]) for r in rows] == pytest.approx([1.0, 1.0])


def test_json_and_default_methods(compare):
    found = compare(FASHION, FASHION, "examples/fashion", "--limit", 1, "--json", "--show", 0)
    record = json.loads(found.stdout)
    assert set(record["provenance"]["methods"]) == {"grad-cam", "occlusion"}
    assert len(record["provenance"]["models"]) == 2
    assert not (compare.folder / "different.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((FASHION, "examples/fashion"), "at least two models"),
        ((FASHION, "models/digits-gap.onnx", "examples/fashion"), "class 0 is"),
        (
            (FASHION, FASHION, "examples/fashion", *("--preprocess", "raw") * 3),
            "given 3 times for 2 models",
        ),
        ((GAP, SOFTMAX, "examples/digits", "-m", "cam"), "cam does not work on 'digits-softmax"),
    ],
)
def test_wrong_wishes(compare, arguments, said):
    found = compare(*arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert not compare.folder.exists()


def test_a_file_that_cannot_be_used_does_not_stop_the_others(run, tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    never = write_model(tmp_path / "never.onnx", NEVER_RUNS)
    files = [tmp_path / "junk.onnx", MODEL, never, "models/digits-softmax.onnx"]
    arguments = ("examples/digits", "--limit", 2, "-m", "occlusion", "-o", tmp_path / "out")
    found = run("compare", *files, *arguments)
    assert found.exit_code == 3
    assert found.stderr.count("junk.onnx") == 1
    assert f"left out: {never}: ONNX Runtime cannot run this model on any picture" in found.stderr
    written = json.loads((tmp_path / "out/comparison.json").read_text())
    assert [p.split(":")[0] for p in written["problems"]] == [str(files[0]), str(never)]
    assert {p["model"] for p in written["predictions"]} == {
        "digits-gap.onnx", "digits-softmax.onnx"
    }  # fmt: skip


def test_two_files_are_needed(run, tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    found = run("compare", tmp_path / "junk.onnx", MODEL, "examples/digits", "-o", tmp_path / "out")
    assert found.exit_code == 3
    assert "is not an ONNX file" in found.stderr
    assert not (tmp_path / "out").exists()
    never = write_model(tmp_path / "never.onnx", NEVER_RUNS)
    found = run("compare", MODEL, never, "examples/digits", "-o", tmp_path / "out")
    assert found.exit_code == 3
    assert f"error: {never}: ONNX Runtime cannot run this model" in found.stderr


def test_pictures_are_the_data_wherever_they_stand(compare):
    photos = sorted(Path("examples/fashion").rglob("*.png"))[:2]
    found = compare(FASHION, photos[0], FASHION, photos[1], "-m", "grad-cam", "--show", 0)
    assert found.exit_code == 0, found.stderr
    with (compare.folder / "pairs.csv").open(newline="") as file:
        assert {r["sample"] for r in csv.DictReader(file)} == {str(p) for p in photos}
