"""Answers as a report shows them: few classes in a matrix, many in a list."""

import pytest

from onnxplain.audit.answers import count_answers
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.report.answers import (
    MOST_IN_MATRIX,
    drawn_answers,
    standing_out,
    why_not_calibrated,
)
from tests.audit.test_answers import picture
from tests.report.conftest import DIGEST, made_record
from tests.report.conftest import picture as entry


def drawn(pairs):
    return drawn_answers(count_answers([picture(*p) for p in pairs], None))


def test_few_classes_have_a_matrix():
    found = drawn([(0, 0), (0, 2), (0, 2), (0, 1), (2, 2)])
    assert found.indices == [0, 1, 2]
    assert [(c.label, c.predicted, c.count) for c in found.confusions] == [(0, 2, 2), (0, 1, 1)]
    assert found.counts[2, 2] == 1
    assert drawn_answers(None) is None


def test_many_classes_have_no_matrix():
    found = drawn([(k, 0) for k in range(MOST_IN_MATRIX + 1)])
    assert found.indices == []
    assert len(found.confusions) == MOST_IN_MATRIX


def test_what_stands_out_is_rare_by_chance():
    pairs = [(0, 0)] * 40 + [(1, 1)] * 40 + [(2, 2)] * 20 + [(2, 0)] * 20
    told = drawn(pairs).told
    assert [c.index for c in standing_out(told.classes, worse=True)] == [2]
    assert [c.index for c in standing_out(told.classes, worse=False)] == [0, 1]
    few = drawn([(0, 0), (1, 1), (2, 0)]).told
    assert standing_out(few.classes, worse=True) == []


@pytest.mark.parametrize(
    ("model", "predictions", "why"),
    [
        ({}, {}, ""),
        ({}, {"labelled": 0}, "no labels"),
        ({}, {"unit": "score"}, "unit is score"),
        ({"task": "labels"}, {}, "several labels"),
    ],
)
def test_a_line_says_why_there_is_no_calibration(model, predictions, why):
    data = made_record([entry(0, "a.png", DIGEST)], Preprocess("made", "NCHW", (8, 8)))
    data["model"].update(model)
    data["predictions"].update(predictions)
    found = why_not_calibrated(build(Record, data))
    assert why in found
    assert bool(found) == bool(why)
