"""Accuracy by class: counts made by hand, intervals by SciPy."""

from types import SimpleNamespace

import pytest
from scipy.stats import binomtest

from onnxplain.audit.records.pictures import Done
from onnxplain.report.answers import MOST_IN_MATRIX, answers, wilson


def picture(label, predicted):
    entry = object.__new__(Done)
    entry.__dict__.update(SimpleNamespace(label=label, predicted=predicted).__dict__)
    return entry


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (3, 7), (119, 130), (0, 50)])
def test_intervals_are_wilsons(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_answers_are_counted_by_class():
    found = answers(
        [
            picture(0, 0),
            picture(0, 2),
            picture(0, 2),
            picture(0, 1),
            picture(2, 2),
            picture(None, 1),
        ]
    )
    first, second = found.classes
    assert (first.index, first.count, first.right, first.taken_for) == (0, 4, 1, 2)
    assert (second.index, second.count, second.right, second.taken_for) == (2, 1, 1, None)
    assert found.indices == [0, 1, 2]
    assert found.confusions == [(0, 2, 2), (0, 1, 1)]
    assert (found.low, found.high) == wilson(2, 5)


def test_without_labels_there_is_nothing():
    assert answers([picture(None, 3)]) is None


def test_many_classes_have_no_matrix():
    found = answers([picture(k, 0) for k in range(MOST_IN_MATRIX + 1)])
    assert found.indices == []
    assert len(found.confusions) == MOST_IN_MATRIX
