"""A whole record as one object: the same data come out again, of every format."""

import copy

import pytest

from onnxplain.audit.answers import count_answers
from onnxplain.audit.records.plain import build, plain
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from tests.audit.test_answers import picture as answered
from tests.report.conftest import DIGEST, made_record, picture

MADE = made_record([picture(0, "a.png", DIGEST)], Preprocess("made", "NCHW", (8, 8)))


def of_format(number):
    record = copy.deepcopy({**MADE, "format": number})
    if number == 1:
        del record["curves"], record["suspects"][0]["transplant"]
    if number == 4:
        record["data"]["source"] = ["one", "two"]
    if number == 5:
        record["answers"] = plain(count_answers([answered(0, 0)], "classes"))
        record["pictures"][0]["group"] = "a"
        record["data"]["groups"] = "camera"
    if number >= 3:
        record["model"]["files"] = []
        record["target_files"] = {"mask.png": DIGEST}
    return record


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_there_and_back_is_the_same(number):
    data = of_format(number)
    assert build(Record, data).to_dict() == data


def test_what_format_1_does_not_hold():
    old, new = (build(Record, of_format(k)) for k in (1, 2))
    assert (old.tells_of_places, new.tells_of_places) == (False, True)
    assert (old.said_curves, list(old.curves), dict(old.target_files)) == (None, [], {})
    assert len(new.curves) == 4


def test_what_formats_before_5_do_not_hold():
    old, new = (build(Record, of_format(k)) for k in (4, 5))
    assert (old.tells_of_answers, new.tells_of_answers) == (False, True)
    assert (old.answers, old.data.groups, old.pictures[0].group) == (None, None, None)
    assert new.answers.classes[0].right == 1
