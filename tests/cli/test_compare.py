"""The compare command: table, files and refusals."""

import csv
import json

import pytest

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
