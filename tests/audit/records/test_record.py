"""A whole record as one object: the same data come out again, of every format."""

import copy

import pytest

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from tests.report.conftest import DIGEST, made_record, picture

MADE = made_record([picture(0, "a.png", DIGEST)], Preprocess("made", "NCHW", (8, 8)))


def of_format(number):
    record = copy.deepcopy({**MADE, "format": number})
    if number == 1:
        del record["curves"], record["suspects"][0]["transplant"]
    if number == 4:
        record["data"]["source"] = ["one", "two"]
    if number >= 3:
        record["model"]["files"] = []
        record["target_files"] = {"mask.png": DIGEST}
    return record


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_there_and_back_is_the_same(number):
    data = of_format(number)
    assert build(Record, data).to_dict() == data


def test_what_format_1_does_not_hold():
    old, new = (build(Record, of_format(k)) for k in (1, 2))
    assert (old.tells_of_places, new.tells_of_places) == (False, True)
    assert (old.said_curves, list(old.curves), dict(old.target_files)) == (None, [], {})
    assert len(new.curves) == 4
