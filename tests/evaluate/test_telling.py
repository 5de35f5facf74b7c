"""Measures that any map passes are said to tell nothing."""

import pytest

from onnxplain.evaluate.telling import never_asks, says_little


@pytest.mark.parametrize(
    ("measure", "scores", "unit", "said"),
    [
        ("insertion", [0.1, 0.5, 0.9], "probability", ""),
        ("insertion", [0.8, 0.85, 0.9], "probability", "says little here: the blurred picture"),
        ("insertion", [0.9, 0.5, 0.9], "logit", "says nothing here"),
        ("insertion", [8.0, 9.0, 9.5], "logit", ""),
        ("deletion", [0.9, 0.2, 0.1], "probability", ""),
        ("deletion", [0.9, 0.8, 0.7], "probability", "says little here: the emptied picture"),
        ("deletion", [-3.0, -2.0, -1.0], "value", "says nothing here"),
        ("randomisation", [0.9, 0.9], "probability", ""),
        ("insertion", [0.9], "probability", ""),
    ],
)
def test_what_is_said(measure, scores, unit, said):
    found = says_little(measure, scores, unit)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_a_measure_that_never_runs_the_model_says_so():
    assert never_asks("complexity") == never_asks("sparseness")
    assert "nothing about the model" in never_asks("complexity")
    assert never_asks("deletion") == ""
