"""Where the points of a reliability diagram stand, by arithmetic."""

import pytest

from onnxplain.audit.answers import count_answers, wilson
from onnxplain.report.chart import SQUARE
from onnxplain.report.reliability import reliability
from tests.audit.test_answers import picture


def test_points_are_accuracy_over_probability():
    entries = [picture(0, 0, 0.25)] * 3 + [picture(0, 1, 0.25)] * 7 + [picture(0, 0, 1.0)] * 2
    found = reliability(count_answers(entries, None).calibration)
    line, model = found.lines
    wide = SQUARE.width - SQUARE.left - SQUARE.right
    high = SQUARE.height - SQUARE.top - SQUARE.bottom
    bottom = SQUARE.height - SQUARE.bottom
    assert line.points == [(SQUARE.left, bottom), (SQUARE.left + wide, SQUARE.top)]
    assert model.points[0] == pytest.approx((SQUARE.left + 0.25 * wide, bottom - 0.3 * high))
    assert model.points[1] == (SQUARE.left + wide, SQUARE.top)
    low, top = wilson(3, 10)
    first = model.bars[0]
    assert (first.low, first.high) == pytest.approx((bottom - low * high, bottom - top * high))
    assert (first.x, first.y) == model.points[0]
