"""The conclusion follows the figures: each sentence turns with what it speaks of."""

import copy

import pytest

from onnxplain.audit.answers import count_answers
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.report.conclusion import conclusion
from tests.audit.test_answers import picture
from tests.report.conftest import DIGEST, made_record
from tests.report.conftest import picture as entry

RECIPE = Preprocess("made", "NCHW", (8, 8))
FAILED = "fails: the map hardly depends on what the network has learned (0.93 is left)"


def said(pictures=(), judged=3, **parts):
    made = copy.deepcopy(made_record([entry(0, "a.png", DIGEST)], RECIPE))
    made["model"].update({"name": "m.onnx", "labels": ["cat", "dog"]}, **parts.pop("model", {}))
    made |= {"suspects": [], **parts}
    return " ".join(conclusion(build(Record, made), count_answers(pictures, None), judged))


def test_how_often_it_is_right():
    text = said([picture(0, 0, 0.95)] * 19 + [picture(0, 1, 0.95)])
    assert "Of 100 further pictures of this kind, m.onnx will answer about 76 to 99 corr" in text
    assert "weaker" not in text
    assert "too sure" not in text


def test_what_is_weaker_and_too_sure():
    text = said([picture(0, 0, 0.99)] * 40 + [picture(1, 0, 0.99)] * 10)
    assert "weaker than elsewhere on “dog”." in text
    assert "claims 99.0 % and is right in 80.0 %" in text
    assert "right more often (100.0 %) than it claims (50.0 %)" in said([picture(0, 0, 0.5)] * 40)


def test_without_labels():
    assert "is not known, because no picture has a label" in said()
    assert "not known" not in said(model={"task": "values"})


def test_shortcuts():
    suspect = {"kind": "fixed place", "strength": 9.0, "where": "top left corner", "recurs": 1.0}
    suspect |= {"index": 1, "method": "grad-cam", "count": 6, "examples": [1]}
    suspect |= {"box": [0.0, 0.0, 0.25, 0.25], "transplant": None}
    assert "suspects first: “dog” may be" in said(suspects=[suspect])
    assert "found no shortcut, but" in said()
    assert "could not be searched for" in said(judged=0)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("passes: it depends", "The maps of grad-cam show what"),
        (FAILED, "Do not use the maps of grad-cam"),
        ("doubtful: part of it", "can be believed is open"),
    ],
)
def test_maps(verdict, words):
    checked = {"method": "grad-cam", "pictures": 1, "left": 0.1, "layers": ["a"], "spearman": [0.5]}
    assert words in said(sanity=[{**checked, "verdict": verdict}])


def test_an_audit_that_was_stopped_says_so_first():
    assert said(complete=False).startswith("This audit was stopped: it saw 5 of 5 pictures.")
