"""What answers come to in words: a difference is told only if chance does not explain it."""

import pytest

from onnxplain.audit.answers import count_answers
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.report.answer_words import (
    is_off,
    of_classes,
    of_groups,
    of_sureness,
    worse_parts,
)
from tests.audit.test_answers import picture
from tests.report.conftest import DIGEST, made_record
from tests.report.conftest import picture as entry


@pytest.fixture(scope="module")
def record():
    made = made_record([entry(0, "a.png", DIGEST)], Preprocess("made", "NCHW", (8, 8)))
    made["model"]["labels"] = ["cat", "dog", "owl"]
    made["data"]["groups"] = "camera"
    return build(Record, made)


def counted(*parts):
    entries = []
    for label, right, wrong, group, sure in parts:
        entries += [picture(label, label, sure, group)] * right
        entries += [picture(label, (label + 1) % 3, sure, group)] * wrong
    return count_answers(entries, None)


def test_a_worse_class_is_named_with_what_it_is_taken_for(record):
    told = counted((0, 40, 0, "a", 0.9), (1, 20, 20, "b", 0.9))
    (text,) = of_classes(record, told)
    assert "dog (20 of 40 right, most often taken for owl)" in text
    (group,) = of_groups(record, told)
    assert "groups of camera" in group
    assert "b (20 of 40 right)" in group
    assert worse_parts(record, told) == ["“dog”", "pictures of camera b"]


def test_what_chance_explains_is_not_told_as_a_difference(record):
    told = counted((0, 5, 0, "a", 0.9), (1, 4, 1, "b", 0.9))
    (text,) = of_classes(record, told)
    assert text.startswith("no class")
    (group,) = of_groups(record, told)
    assert group.startswith("no group of camera")
    assert "the lowest is b, with 4 of 5 right" in group
    assert worse_parts(record, told) == []


def test_all_right_or_one_class_needs_no_words(record):
    assert list(of_classes(record, counted((0, 5, 5, None, 0.9)))) == []
    assert list(of_classes(record, counted((0, 5, 0, None, 0.9), (1, 5, 0, None, 0.9)))) == []
    assert list(of_groups(record, counted((0, 5, 5, None, 0.9)))) == []


@pytest.mark.parametrize(
    ("sure", "right", "off", "words"),
    [
        (0.99, 80, 1, "too sure of itself"),
        (0.55, 95, -1, "right more often than it claims"),
        (0.9, 90, 0, "no more difference than these pictures give by chance"),
    ],
)
def test_whether_probabilities_are_kept(sure, right, off, words):
    told = counted((0, right, 100 - right, None, sure)).calibration
    assert is_off(told) == off
    (text,) = of_sureness(told)
    assert words in text


def test_steps_that_are_not_kept_are_told_though_the_mean_is():
    told = counted((0, 40, 60, None, 0.9), (1, 99, 1, None, 0.5)).calibration
    (text,) = of_sureness(told)
    assert is_off(told) == 0
    assert "answers of some probabilities are not kept" in text
    assert list(of_sureness(None)) == []
