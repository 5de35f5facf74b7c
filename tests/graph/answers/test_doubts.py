"""What is said where an output may be several things."""

import pytest

from onnxplain.graph.answers.doubts import names, one_number, raw_numbers, scaled, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{0: 'cat', 1: 'dog'}", ["cat", "dog"]),
        ('{"0": "cat", "1": "dog"}', ["cat", "dog"]),
        ('["cat", "dog"]', ["cat", "dog"]),
        ("['cat', 7]", ["cat", "7"]),
        ("", []),
        ("cat, dog", []),
        ("3", []),
        ("(" * 10_000, []),
        ("['" + "a" * 1_000_000 + "']", []),
    ],
    ids=lambda v: str(v)[:12],
)
def test_names_in_metadata(text, expected):
    assert names({"names": text}) == expected
    assert names({}) == []


def test_raw_numbers_with_and_without_names():
    named = {"names": "['a', 'b']"}
    assert "the metadata names 2 classes" in raw_numbers(named, 2)
    assert raw_numbers(named, 3) == raw_numbers({}, 3)
    assert "logits of one class out of several" in raw_numbers({}, 3)


def test_one_number_and_several():
    assert "the logit of a yes/no answer" in one_number(dense=False)
    assert "the logit of a mask" in one_number(dense=True)
    assert values(1, dense=False) == ""
    assert values(1, dense=False, negative=True) == one_number(dense=False)
    assert "an embedding" in values(5, dense=False)
    assert "feature maps" in values(5, dense=True)


def test_a_sigmoid_that_is_multiplied():
    assert "a yes/no answer that counts to 100" in scaled(1, 100.0)
    assert "labels that counts to 2.5" in scaled(3, 2.5)
