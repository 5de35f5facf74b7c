"""Why a number of names does not fit."""

import pytest

from onnxplain.inputs.label_count import misfit


def names(count, first="n0"):
    return [first, *(f"n{k}" for k in range(1, count))]


def test_as_many_names_as_classes_fit():
    assert misfit(names(3), [3]) == ""
    assert misfit(names(3), [1, 3]) == ""


@pytest.mark.parametrize(
    ("found", "counts", "said"),
    [
        (names(4), [9], "4 names, but the model has 9 classes"),
        (names(4), [3], "4 names, but the model has 3 classes"),  # "n0" is no background
        (names(4), [1, 2], "4 names, but the model has 1 or 2 classes"),
        (names(4), [], "4 names, but the model has no classes"),
        (names(8, "background"), [9], "8 names, but the model has 9 classes"),  # it is there
    ],
)
def test_where_nothing_explains_the_difference(found, counts, said):
    assert misfit(found, counts) == said


@pytest.mark.parametrize("first", ["background", " __Background__ ", "N/A"])
def test_a_background_too_many(first):
    said = misfit(names(4, first), [3])
    assert said.endswith(f"; remove {first!r} at the top if the model has no background class")


def test_the_extra_class_of_imagenet():
    assert "remove 'tench' at the top" in misfit(names(1001, "tench"), [1000])


def test_a_background_too_few():
    assert "put 'background' before the names" in misfit(names(3), [4])
