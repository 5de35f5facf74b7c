"""A choice from a model and pictures, and what cannot be asked."""

from pathlib import Path

import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import BEATS, NONE
from onnxplain.evaluate.choose.kept import read_choice, save_choice
from onnxplain.evaluate.choose.run import choose
from onnxplain.inputs.dataset import Sample

SAMPLES = [Sample(p.name, p, boxes=((1.0, 1.0, 7.0, 7.0),))
           for p in sorted(Path("examples/digits").glob("*.png"))]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/digits-gap.onnx")


def test_a_method_is_chosen_and_kept(model, tmp_path):
    found = choose(model, SAMPLES, [Candidate("lrp"), Candidate("grad-cam")])
    assert (found.best, found.conclusion) == ("lrp", BEATS)
    assert found.findings["grad-cam"].conclusion == NONE
    assert set(found.findings["lrp"].standings) == {
        "imputed-regions", "rank-accuracy", "energy-in-mask",
    }  # fmt: skip
    save_choice(found, tmp_path / "c.json")
    again = read_choice(tmp_path / "c.json", model)
    assert again.findings == found.findings
    assert found.about["measures"][0] == "imputed-regions"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"measures": ["complexity"], "candidates": [Candidate("lrp")]}, ""),
        ({"measures": ["randomisation"]}, "cannot be asked of the controls"),
        ({"measures": ["completeness"]}, "cannot be asked of the controls"),
        ({"candidates": [Candidate("lrp"), Candidate("lrp")]}, "given twice"),
        ({"candidates": [Candidate("attention-rollout")]}, "no method applies"),
        ({"target": "top-2"}, "stands for 2 classes"),
    ],
)
def test_what_cannot_be_asked(model, asked, said):
    given = {"candidates": [Candidate("gradient")], **asked}
    if not said:
        assert "complexity" in choose(model, SAMPLES[:2], **given).findings["lrp"].standings
        return
    with pytest.raises(UsageError, match=said):
        choose(model, SAMPLES[:2], **given)
