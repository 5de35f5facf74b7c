"""Places of the border on maps made by hand: what is one, what is none."""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.shortcuts.places import find_places
from onnxplain.audit.summary import summarise_classes
from onnxplain.audit.zones import SIDE


def places(tmp_path, entries):
    with filled(tmp_path, entries) as store:
        return find_places(store, summarise_classes(store))


def at(row, column, count, rng, noise=0.02, index=0):
    return [picture(index, spot(row, column, 4, noise, rng)) for _ in range(count)]


def scattered(count, rng, index=9):
    """Evidence at a new place in each picture, as that of objects is."""
    drawn = (rng.integers(0, SIDE - 4, 2) for _ in range(count))
    return [picture(index, spot(row, column, 4, 0.02, rng)) for row, column in drawn]


@pytest.mark.parametrize(
    ("row", "column", "where"),
    [
        (1, 1, "top left corner"),
        (0, 23, "top right corner"),
        (22, 1, "bottom left corner"),
        (23, 23, "bottom right corner"),
        (12, 23, "right edge"),
        (0, 12, "top edge"),
    ],
)
def test_evidence_that_recurs_in_one_place_of_the_border(tmp_path, row, column, where):
    rng = np.random.default_rng(0)
    found = places(tmp_path, at(row, column, 10, rng) + scattered(60, rng))[0]
    assert (found.index, found.where) == (0, where)
    assert found.recurs == 1.0
    assert found.hits == list(range(10))
    left, top, right, bottom = (v * SIDE for v in found.box)
    assert left <= column
    assert column + 4 <= right
    assert top <= row
    assert row + 4 <= bottom
    assert 6.0 < found.lift <= 16.0


def test_half_of_the_pictures_are_enough_and_are_named(tmp_path):
    rng = np.random.default_rng(2)
    corner, elsewhere = at(1, 1, 6, rng), at(12, 12, 6, rng)
    mixed = [entry for pair in zip(corner, elsewhere, strict=True) for entry in pair]
    found = places(tmp_path, mixed + scattered(60, rng))[0]
    assert found.index == 0
    assert found.recurs == 0.5
    assert found.hits == [0, 2, 4, 6, 8, 10]


def test_none_of_these_is_a_place(tmp_path):
    rng = np.random.default_rng(1)
    entries = at(12, 12, 10, rng, index=0)  # in one place, but in the middle
    entries += scattered(40, rng, index=1)  # at the border in some pictures
    entries += at(1, 1, 4, rng, index=2)  # too few to tell
    entries += at(1, 1, 10, rng, noise=1.0, index=3)  # hardly more than elsewhere
    assert places(tmp_path, entries) == []


def test_where_all_classes_have_their_evidence_is_no_place(tmp_path):
    rng = np.random.default_rng(3)
    assert places(tmp_path, [*at(1, 1, 10, rng, index=0), *at(1, 1, 10, rng, index=1)]) == []


def test_one_class_alone_has_no_place_of_its_own(tmp_path):
    assert places(tmp_path, at(1, 1, 10, np.random.default_rng(4))) == []
