"""Targets on the command line: margin, negatives, raw scores, places of dense outputs."""

import json

import numpy as np
import onnx
import pytest
from graphs import classifier
from tasks.test_dense import segmentation

from onnxplain import Explanation
from onnxplain.render.captions import score_text
from tests.cli.conftest import DIGIT
from tests.cli.test_failures import require_one_line


@pytest.fixture
def colours(tmp_path):
    """A picture of three channels."""
    from PIL import Image

    path = tmp_path / "colours.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def saved(tmp_path):
    def save(proto):
        path = tmp_path / "model.onnx"
        onnx.save(proto, path)
        return path

    return save


def test_margin_reaches_the_method_and_the_caption(explain):
    assert explain("-m", "cam", "--margin").exit_code == 0
    found = Explanation.load(explain.folder / "3-10.cam.npz")
    assert found.target.margin
    assert "minus the largest other: " in score_text(found)


def test_raw_scores(explain):
    found = explain("-m", "occlusion", "--kind", "raw", "--json", "-p", "window=4")
    record = json.loads(found.stdout)["images"][0]["explanations"][0]
    assert record["target"]["kind"] == "raw"
    logit = json.loads(found.stdout)["images"][0]["predictions"][0]["logit"]
    assert record["score"] == pytest.approx(logit, rel=1e-5)


def test_the_negative_of_a_sigmoid(explain, saved, colours):
    model = saved(classifier(final="Sigmoid", classes=1))
    found = explain(
        "-m", "gradient,cam", "-t", "no", "-t", "yes", "--preprocess", "zero-one", "--json",
        model=model, images=[colours],
    )  # fmt: skip
    assert found.exit_code == 0
    records = json.loads(found.stdout)["images"][0]["explanations"]
    said = [(e["method"], e["target"]["name"]) for e in records]
    assert said == [("gradient", "no"), ("cam", "no"), ("gradient", "yes"), ("cam", "yes")]
    assert records[0]["score"] == pytest.approx(-records[2]["score"])
    negative = Explanation.load(explain.folder / "colours.cam.0.npz")
    assert score_text(negative).startswith("logit of no (0): ")
    positive = Explanation.load(explain.folder / "colours.cam.1.npz")
    np.testing.assert_allclose(negative.attribution, -positive.attribution, atol=1e-6)


def test_places_of_a_dense_output(explain, saved, colours):
    model = saved(segmentation(softmax=True))
    found = explain(
        "-m", "gradient,lrp", "-t", "1@2,3", "-t", "top-2@0,0", "--preprocess", "minus-one-one",
        "--json", model=model, images=[colours],
    )  # fmt: skip
    assert found.exit_code == 0
    records = json.loads(found.stdout)["images"][0]["explanations"]
    assert [e["target"]["position"] for e in records] == [[2, 3]] * 2 + [[0, 0]] * 4
    one = Explanation.load(explain.folder / "colours.lrp.1-at-2-3.npz")
    assert score_text(one).startswith("logit of class 1 minus the mean of the others at (2, 3): ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--margin", "--contrast", "3"], ["exclude each other"]),
        (["-t", "not-3"], ["a class with a Sigmoid", "--margin"]),
        (["-t", "3@1,2"], ["no places; drop the position"]),
        (["-t", "3@x"], ["place 'x' is not understood; write CLASS@ROW,COLUMN"]),
    ],
)
def test_targets_that_mean_nothing_are_found_before_anything_is_written(explain, options, words):
    require_one_line(explain(*options), 2, *words)
    assert not explain.folder.exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (["-t", "1@6,0"], ["position 6,0 is outside", "6 x 6 places"]),
        (["-t", "9@1,1"], ["out of range: the model has 0..2"]),
    ],
)
def test_a_dense_output_needs_a_place(explain, saved, target, words):
    model = saved(segmentation())
    found = explain(*target, "--preprocess", "minus-one-one", model=model, images=[DIGIT])
    require_one_line(found, 2, *words)
    assert not explain.folder.exists()


def test_without_a_place_a_dense_output_is_explained_where_the_class_wins(explain, saved, colours):
    model = saved(segmentation(softmax=True))
    found = explain(
        "-m", "gradient", "--preprocess", "minus-one-one", "--json", model=model, images=[colours]
    )
    assert found.exit_code == 0
    said = json.loads(found.stdout)["images"][0]
    shares = [row["area"] for row in said["predictions"]]
    assert sum(shares) == pytest.approx(1.0)
    assert said["explanations"][0]["target"]["index"] == said["predictions"][0]["index"]
    assert said["explanations"][0]["target"]["region"] == "its predicted region"


def test_inspect_says_how_many_places(run, saved):
    found = run("inspect", saved(segmentation()))
    assert found.exit_code == 0
    assert "3 classes at each of 6 x 6 places" in " ".join(found.stdout.split())
