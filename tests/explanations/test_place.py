"""Where evidence is, in words: of maps whose place is known by construction."""

import numpy as np
import pytest

from onnxplain.explanations.place import place_of

SIDE = 96


def spot(row, column, sigma=6.0, shape=(SIDE, SIDE)):
    rows, columns = np.indices(shape)
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (12, 12, "in the upper left"), (12, 48, "in the upper middle"),
        (12, 84, "in the upper right"), (48, 12, "on the left"), (48, 48, "in the centre"),
        (48, 84, "on the right"), (84, 12, "in the lower left"),
        (84, 48, "in the lower middle"), (84, 84, "in the lower right"),
    ],
)  # fmt: skip
def test_nine_places(row, column, words):
    assert place_of(spot(row, column)).words == words


def test_rows_are_not_columns():
    assert place_of(spot(12, 100, shape=(48, 120))).words == "in the upper right"


def test_the_area_is_that_above_half_of_the_maximum():
    """A Gaussian, blurred by another one, is a Gaussian: the radius at half is known."""
    sigma = 12.0
    found = place_of(spot(48, 48, sigma))
    wide = np.hypot(sigma, SIDE / 32)
    expected = np.pi * 2 * np.log(2) * wide**2 / SIDE**2
    assert found.area == pytest.approx(expected, rel=0.02)


def test_several_places():
    two = spot(12, 12) + 0.8 * spot(84, 84)
    assert place_of(two).words == "in the upper left and in one other place"
    three = two + 0.7 * spot(12, 84)
    assert place_of(three).words == "in the upper left and in other places"


def test_weak_places_do_not_count():
    assert place_of(spot(12, 12) + 0.3 * spot(84, 84)).words == "in the upper left"


@pytest.mark.parametrize("values", [np.ones((SIDE, SIDE)), spot(48, 48, 60)])
def test_what_has_no_place(values):
    assert place_of(values).words == "spread widely"


@pytest.mark.parametrize("values", [np.zeros((8, 8)), -np.ones((8, 8))])
def test_nothing(values):
    assert place_of(values) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 3)])
def test_small_maps(shape):
    assert place_of(np.ones(shape)).area == 1.0


def test_negative_numbers_and_scale_do_not_matter():
    seen = spot(84, 48)
    assert place_of(1e-9 * seen - 1e-12 * spot(12, 12)) == place_of(seen)
