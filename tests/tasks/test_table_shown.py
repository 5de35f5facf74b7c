"""What `explain` prints and writes of each answer: only a probability is called so."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from PIL import Image
from tasks.rows import PICTURE, RECIPE, X
from tasks.test_table import DENSE, EMBEDDINGS, VECTORS

import onnxplain
from onnxplain.render.occlusion_maps import occlusion_maps
from tests.cli.conftest import explain as explain
from tests.cli.conftest import run as run
from tests.render.pages import words

NAMES = """
    softmax percent mean-of-softmaxes second-of-two yes-no joined-sigmoids logits one-logit age
    scaled-sigmoid label-of-logits one-of-four no-batch declared-softmax declared-labels
    declared-raw declared-values declared-yes-no nchw label-map mask depth sequence time-major-2
    declared-embedding
"""
ROWS = {row.name: row for row in VECTORS + DENSE + EMBEDDINGS}
WINDOWS = ("-p", "window=3", "-p", "stride=3", "-p", "fill_with=black")


@pytest.mark.parametrize("name", NAMES.split())
def test_what_is_printed(name, explain, tmp_path):
    row = ROWS[name]
    onnx.save(row.made, tmp_path / "m.onnx")
    beside = {**row.declared, "preprocess": RECIPE.to_dict()}
    (tmp_path / "m.onnxplain.json").write_text(json.dumps(beside))
    Image.fromarray(PICTURE).save(tmp_path / "picture.png")
    truth = row.says(X)
    probable = row.unit == "probability"
    target = ["-t", "0"] if row.task in ("values", "embedding") and len(truth) > 1 else []
    given = {"model": tmp_path / "m.onnx", "images": [tmp_path / "picture.png"]}
    plain = explain("-m", "occlusion", *WINDOWS, *target, **given)
    assert (plain.exit_code, plain.exception) == (0, None)
    shares = bool(row.places) and row.task != "values"
    assert ("probab" in plain.stdout) == probable
    # How much of the picture the sentence's place covers is a share, whatever the score is.
    scores = plain.stdout.replace(" % of the picture", "")
    assert ("%" in scores) == (probable or shares)
    data = explain("-m", "occlusion", *WINDOWS, *target, "--json", **given)
    (image,) = json.loads(data.stdout)["images"]
    rows = {r["index"]: r for r in image["predictions"]}
    unit = "area" if shares else row.unit
    assert all(("probability" in r) == probable for r in rows.values())
    expected = truth
    if row.places:
        winners = truth.argmax(axis=0).ravel()
        each = truth.reshape(len(truth), -1)
        expected = np.bincount(winners, minlength=len(truth)) / len(winners)
        expected = expected if shares else each.mean(axis=1)
    for index, said in rows.items():
        assert said[unit] == pytest.approx(float(expected[index]), abs=1e-6)
    record = onnxplain.Explanation.load(explain.folder / "picture.occlusion.npz")
    assert (record.unit == "probability") == (probable and not shares)
    assert (record.target.unit == "probability") == probable
    # What has no classes has no predicted class while.
    classes = row.task not in ("values", "embedding")
    assert ("predicted_class" in record.maps) == classes
    drawn = words(occlusion_maps(record))
    assert ("predicted class while" in drawn) == classes
    assert ("probability" in drawn) == probable
    if not probable:
        with pytest.raises(onnxplain.errors.UsageError):
            record.probabilities  # noqa: B018
