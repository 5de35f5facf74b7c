"""What stands under a picture: numbers with their unit, classes by name, warnings."""

import numpy as np
import pytest

from onnxplain.render.captions import (
    caption,
    class_name,
    ends,
    figures,
    heading,
    meaning,
    measures_text,
    percent,
    score_of,
    score_text,
)
from onnxplain.targets.classes import ClassScore
from tests.made_explanations import made


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "50 %"), (0.12345, "12.3 %"), (-0.25, "\u221225 %"), (1e-7, "< 0.001 %"), (0.0, "0 %")],
)
def test_shares(value, text):
    assert percent(value) == text


def test_only_shares_are_percentages():
    assert (score_of("area", 0.5), score_of("logit", -0.5)) == ("50 %", "\u22120.5")


def test_classes_without_a_name_have_a_number():
    assert (class_name({3: "cat"}, 3), class_name({}, 3)) == ("cat (3)", "class 3")


def test_what_was_explained():
    assert score_text(made(np.eye(2))) == "logit of cat (1): 2.5"
    against = ClassScore(1, "logit", "logits", "none", 3, contrast=0)
    assert score_text(made(np.eye(2), target=against)) == "logit of cat (1) minus dog (0): 2.5"


def test_numbers_that_tell_how_far_to_trust_a_map():
    found = made(np.eye(2), measures={"conservation": 0.5, "samples": 8.0, "parity_error": 0.5})
    lines = measures_text(found)
    assert lines[:2] == ["conservation 50 % of the score", "8 samples"]
    assert lines[2] == "not the deployed function: the engines differ by 50 %"
    assert measures_text(made(np.eye(2), measures={"parity_error": 1e-9})) == []


def test_layer_and_warnings_stand_below():
    found = made(np.zeros((2, 3)), layer="conv", warnings=("why",))
    assert caption(found) == [*found.sentences, "warning: why"]
    assert figures(found)[1:] == ["2 x 3 at conv"]


def test_a_method_that_nobody_knows_has_no_meaning():
    unknown = made(np.eye(2), method="made up")
    assert meaning(unknown) == []
    assert ends(unknown) == ("against", "for")
    assert heading(unknown) == "m.onnx  \u00b7  x.png"
