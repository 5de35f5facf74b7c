"""One name, and names in the order of their indices."""

import random

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.label_order import by_index, is_pair, name_of


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (" cat ", "cat"),
        (7, "7"),
        (0.5, "0.5"),
        (["n01440764", "tench"], "tench"),
        ({"id": 3, "name": "cat"}, "cat"),
        ({"description": "a cat", "label": "cat"}, "cat"),  # the plainest key first
    ],
)
def test_what_holds_a_name(value, name):
    assert name_of(value, "entry", "file") == name


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true"),
        ({"id": 3}, "null"),
        (["a", "b", "c"], "no text"),
        (["a", 3], "no text"),
        ("n" * 501, "has 501 characters, 500 are allowed"),
    ],
)
def test_what_holds_none(value, said):
    with pytest.raises(UsageError, match=rf"labels 'file': .*entry 4.*{said}"):
        name_of(value, "entry 4", "file")


def test_pairs_are_two_texts():
    assert is_pair(("n1", "cat"))
    assert not any(map(is_pair, ["ab", ["a"], ["a", 1], {"a": "b"}]))


def test_any_order_of_the_entries_gives_the_same_names():
    entries = [(k, f"n{k}") for k in range(30)]
    random.Random(0).shuffle(entries)
    assert by_index(entries, "file") == [f"n{k}" for k in range(30)]
    assert by_index([], "file") == []


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([0, 1, 1], "index 1 appears twice: 'n' and 'n'"),
        ([-1, 0], "index -1 is negative"),
        ([1, 2, 3], "count from 1 to 3; .*subtract 1"),
        ([0, 1, 3], "index 2 is missing, the highest is 3"),
        ([2, 3], "index 0 is missing"),
    ],
)
def test_indices_that_make_no_sense(indices, said):
    with pytest.raises(UsageError, match=said):
        by_index([(k, "n") for k in indices], "file")
