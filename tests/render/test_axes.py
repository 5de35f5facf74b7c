"""Words at the axes of a measure's curve."""

import pytest

from onnxplain.evaluate.measures import MEASURES
from onnxplain.render.axes import axes_of


@pytest.mark.parametrize(
    ("measure", "unit", "words"),
    [
        ("deletion", "value", ("share of pixels removed", "value")),
        ("randomisation", "value", ("layers randomised, from the output", "rank correlation left")),
        ("nonsense", "value", ("", "")),
    ],
)
def test_words(measure, unit, words):
    assert axes_of(measure, unit) == words


def test_they_are_of_measures_that_exist():
    assert all(axes_of(name, "probability")[0] for name in ("deletion", "insertion"))
    assert {"deletion", "insertion", "randomisation", "mean-iou"} <= set(MEASURES)
