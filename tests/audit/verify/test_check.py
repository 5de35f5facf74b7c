"""Checks: what counts as reproduced, and which place is named if something is not."""

import pytest

from onnxplain.audit.verify.check import Check


def compared(known, found, tolerance=1e-3):
    check = Check("f", tolerance)
    check.all(known, found, "f")
    return check


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": [1, 2.0, None, "x", True]}, {"a": [1, 2.0005, None, "x", True]}),
        (0.5, 0.5009),
        (2000.0, 2001.0),  # relative above 1
        (1.0, 1),
    ],
)
def test_these_are_the_same(known, found):
    assert compared(known, found).reproduces


@pytest.mark.parametrize(
    ("known", "found", "where"),
    [
        ({"a": 0.5}, {"a": 0.502}, "f.a"),
        ({"a": 0.5}, {}, "f.a"),
        ({}, {"a": 0.5}, "f.a"),
        ([1, 2], [1], "the length of f"),
        ([{"b": [0.0, 1.0]}], [{"b": [0.0, 0.9]}], "f[0].b[1]"),
        (100_000, 100_001, "f"),  # whole numbers count something
        (True, 0.9999, "f"),
        ("a", None, "f"),
        (float("nan"), 0.0, "f"),
        ([0.5, float("inf"), 0.5], [0.5001, 0.5, 0.5], "f[1]"),
    ],
)
def test_these_are_not(known, found, where):
    check = compared(known, found)
    assert (check.reproduces, check.differing, check.worst) == (False, 1, where)
    assert check.said().endswith(f"such as {where}")


def test_what_differs_is_named_and_not_the_largest_harmless_difference():
    check = compared({"a": 0.5, "b": "x", "c": 0.5}, {"a": 0.5001, "b": "y", "c": 0.5002})
    assert (check.worst, check.differing, check.compared) == ("f.b", 1, 3)
    check = compared({"a": "x", "b": 0.5}, {"a": "y", "b": 0.6})
    assert (check.worst, check.differing) == ("f.b", 2)
    assert check.largest == pytest.approx(0.1)
