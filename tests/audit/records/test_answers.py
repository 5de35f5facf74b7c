"""Answers in a record: there and back again, and what the schema refuses."""

import copy

import jsonschema
import pytest

from onnxplain.audit.answers import count_answers
from onnxplain.audit.record import schema
from onnxplain.audit.records.answers import AnswerSums
from onnxplain.audit.records.plain import build, plain
from tests.audit.test_answers import picture

ENTRIES = [picture(0, 0, 0.7, "a"), picture(0, None, 0.4), picture(1, 1, 0.9, "b")]
PART = {"$defs": schema()["$defs"], **schema()["properties"]["answers"]}


@pytest.mark.parametrize("entries", [ENTRIES, ENTRIES[:1], [picture(0, 0, unit="score")]])
def test_there_and_back_is_the_same(entries):
    told = count_answers(entries, "classes")
    data = plain(told)
    jsonschema.Draft202012Validator(PART).validate(data)
    assert build(AnswerSums, data) == build(AnswerSums, copy.deepcopy(data))
    assert plain(build(AnswerSums, data)) == data
    assert build(AnswerSums, data).classes[0].share == told.classes[0].right / told.classes[0].count


@pytest.mark.parametrize("edit", [{"low": 2}, {"classes": [{"index": 0}]}, {"more": 1}])
def test_what_is_none(edit):
    data = {**plain(count_answers(ENTRIES, "classes")), **edit}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(PART).validate(data)
