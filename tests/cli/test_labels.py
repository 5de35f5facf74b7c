"""Class names in the terminal, the document and the report, and that they are a guess."""

import json

import numpy as np
import onnx
import pytest
from graphs import build, value_info, weights
from onnx.helper import make_node as node

PHOTO = "examples/photos/chelsea.png"
GUESS = "class names are a guess (1000 classes, as in ImageNet-1k)"


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """Return a model of 1000 classes that says nothing of its names."""
    path = tmp_path_factory.mktemp("thousand") / "net.onnx"
    nodes = [
        node("Conv", ["x", "w"], ["c"]), node("GlobalAveragePool", ["c"], ["p"]),
        node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "v"], ["y"], transB=1),
    ]  # fmt: skip
    constants = {"w": weights(4, 3, 3, 3), "v": np.float32(weights(1000, 4))}
    inputs = [value_info("x", ["N", 3, 16, 16])]
    onnx.save(build(nodes, ["y"], constants, inputs=inputs), path)
    return path


def test_a_guess_is_said_beside_the_result(run, thousand, tmp_path):
    for command in (("inspect", thousand), ("explain", thousand, PHOTO, "-m", "saliency", "-o",
                                            tmp_path)):  # fmt: skip
        found = run(*command, "--preprocess", "zero-one")
        assert f"warning: {GUESS}" in found.stderr
        document = json.loads(run(*command, "--preprocess", "zero-one", "--json").stdout)
        warnings = document.get("warnings") or document["model"]["warnings"]
        assert any(GUESS in text for text in warnings)
    confirmed = run("inspect", thousand, "--preprocess", "zero-one", "--labels", "imagenet1k")
    assert "class names" not in confirmed.stderr


def test_a_guess_is_said_in_the_report(run, thousand, tmp_path):
    (tmp_path / "audit.toml").write_text('methods = ["saliency"]\nmeasures = []\n')
    found = run(
        "audit", thousand, "examples/photos", "--preprocess", "zero-one", "--config",
        tmp_path / "audit.toml", "--limit", 1, "-o", tmp_path,
    )  # fmt: skip
    assert found.exit_code == 0, found.stderr
    for name in ("record.json", "report.html", "report.md"):
        assert GUESS in (tmp_path / name).read_text("utf-8").replace("\\", "")


def test_a_wrong_file_is_one_line_with_both_numbers(run, thousand, tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("id,name\n0,a\n1,b\n")
    found = run("inspect", thousand, "--labels", path)
    assert found.exit_code == 2
    assert "2 names, but the model has 1000 classes" in found.stderr
    assert found.stderr.count("error") == 1
