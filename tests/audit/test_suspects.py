"""Shortcut suspects on maps made by hand: what is one, what is none, and their order."""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.summary import summarise_classes
from onnxplain.audit.suspects import find_suspects
from onnxplain.audit.zones import SIDE


def suspects(tmp_path, entries):
    with filled(tmp_path, entries) as store:
        return find_suspects(store, summarise_classes(store))


def at(row, column, count, rng, noise=0.02, index=0, mask=None):
    return [picture(index, spot(row, column, 4, noise, rng), mask) for _ in range(count)]


def scattered(count, rng, index=0):
    """Evidence at a new place in each picture, as that of objects is."""
    for _ in range(count):
        row, column = rng.integers(0, SIDE - 4, 2)
        yield picture(index, spot(row, column, 4, 0.02, rng))


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
    (found,) = suspects(tmp_path, at(row, column, 10, np.random.default_rng(0)))
    assert (found.kind, found.where) == ("fixed place", where)
    assert found.recurs == 1.0
    left, top, right, bottom = (v * SIDE for v in found.box)
    assert left <= column
    assert column + 4 <= right
    assert top <= row
    assert row + 4 <= bottom
    assert 6.0 < found.strength <= 16.0


def test_none_of_these_is_suspicious(tmp_path):
    rng = np.random.default_rng(1)
    entries = at(12, 12, 10, rng, index=0)  # in one place, but in the middle
    entries += list(scattered(40, rng, index=1))  # at the border in some pictures
    entries += at(1, 1, 4, rng, index=2)  # too few to tell
    entries += at(1, 1, 10, rng, noise=1.0, index=3)  # hardly more than elsewhere
    assert suspects(tmp_path, entries) == []


def test_evidence_off_the_object(tmp_path):
    rng = np.random.default_rng(3)
    mask = spot(16, 8, 8) > 0
    entries = at(10, 12, 6, rng, mask=mask, index=0)
    entries += at(18, 10, 6, rng, mask=mask, index=1)
    (found,) = suspects(tmp_path, entries)
    assert (found.index, found.kind) == (0, "outside the mask")
    assert found.recurs == 1.0
    assert found.box is None


def test_a_small_object_is_no_reason_to_doubt(tmp_path):
    """Most of the picture is off a small object: an even map is not worse than chance."""
    mask = spot(10, 10, 3) > 0
    focused = [picture(0, 5 * (spot(10, 10, 3) > 0) + 0.1, mask) for _ in range(6)]
    assert suspects(tmp_path, focused) == []


def test_the_strongest_comes_first(tmp_path):
    rng = np.random.default_rng(4)
    entries = [*at(1, 1, 10, rng, 0.05, index=0), *at(22, 22, 10, rng, 0.01, index=1)]
    first, second = suspects(tmp_path, entries)
    assert (first.index, second.index) == (1, 0)
    assert first.strength > second.strength


def test_what_some_pictures_have_is_not_enough(tmp_path):
    rng = np.random.default_rng(5)
    mask = spot(16, 8, 8) > 0
    corner = at(1, 1, 14, rng, index=0) + at(12, 12, 6, rng, index=0)  # 70 % of the class
    off = at(10, 16, 14, rng, mask=mask, index=1) + at(18, 10, 6, rng, mask=mask, index=1)
    assert suspects(tmp_path, corner + off) == []
