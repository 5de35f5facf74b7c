"""Grids read off the places of a tensor, against the order in which its elements were put."""

import itertools

import numpy as np
import pytest

from onnxplain.graph.arrangement import arranged, place_marks
from onnxplain.graph.places import joined, picture_places, token_places


def read_order(found, tokens):
    """Where the places stand, also where they stand in order."""
    return np.arange(found.prefix, tokens) if found.order is None else found.order


def grid_of(places):
    """Tags, grid and whether the places stand in their own order."""
    found = arranged(places)
    return "".join(found.tags), found.grid, found.order is None


def test_all_orders_of_a_small_grid_are_read_off():
    """Each permutation of four tokens, in front of none, one or two others."""
    places = picture_places((1, 1, 2, 2), "NCHW").reshaped((1, 4, 1))
    for order in itertools.permutations(range(4)):
        moved = places.taken(1, np.array(order))
        found = arranged(moved)
        read = np.arange(4) if found.order is None else found.order
        np.testing.assert_array_equal(np.array(order)[read], np.arange(4))
        for front in (1, 2):
            beside = arranged(joined([None, moved], [front, 4], 1))
            assert beside.prefix == front
            read = front + np.arange(4) if beside.order is None else beside.order
            np.testing.assert_array_equal(np.array(order)[read - front], np.arange(4))


def test_a_grid_with_a_place_twice_is_none():
    places = picture_places((1, 1, 2, 2), "NCHW").reshaped((1, 4, 1))
    assert arranged(places.taken(1, np.array([0, 1, 2, 2]))) is None
    assert arranged(places.taken(1, np.array([0, 1, 2]))) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_map_is_read_by_its_rows_and_columns(seed):
    """The element that stands at a place is the one whose own coordinates say so."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(4), rng.permutation(6)
    places = picture_places((1, 3, 4, 6), "NCHW").taken(2, rows).taken(3, columns)
    found = arranged(places)
    assert ("".join(found.tags), found.grid, found.prefix) == ("NCHW", (4, 6), 0)
    np.testing.assert_array_equal(found.rows, np.arange(4))
    np.testing.assert_array_equal(found.columns, np.arange(6))
    stored = 10 * rows[:, None] + columns
    in_order = stored.ravel()[read_order(found, 24)].reshape(4, 6)
    np.testing.assert_array_equal(in_order, 10 * np.arange(4)[:, None] + np.arange(6))


@pytest.mark.parametrize("seed", range(5))
def test_places_that_follow_no_axis_are_read_one_by_one(seed):
    order = np.random.default_rng(seed).permutation(24)
    places = picture_places((1, 1, 4, 6), "NCHW").flat(order, (1, 1, 4, 6))
    found = arranged(places)
    assert found.grid == (4, 6)
    np.testing.assert_array_equal(order[read_order(found, 24)], np.arange(24))


def test_axes_of_the_picture_by_what_runs_along_them():
    start = picture_places((1, 3, 4, 6), "NCHW")
    assert grid_of(start) == ("NCHW", (4, 6), True)
    assert grid_of(start.transposed([0, 2, 3, 1])) == ("NHWC", (4, 6), True)
    assert grid_of(start.transposed([0, 3, 2, 1])) == ("NWHC", (4, 6), True)
    assert grid_of(start.reshaped((1, 3, 24)).transposed([0, 2, 1])) == ("NLC", (4, 6), True)
    columns_first = start.transposed([0, 3, 2, 1]).reshaped((1, 24, 3))
    assert grid_of(columns_first) == ("NLC", (4, 6), False)
    # A strip of one column is no sequence of tokens.
    assert grid_of(start.contracted([3])) == ("NCHW", (4, 1), True)


def test_patches_in_the_channels_reach_over_less_than_the_grid():
    """Places that are folded into another axis lie closer together than those of the grid."""
    start = picture_places((1, 1, 4, 6), "NCHW")
    patches = start.reshaped((1, 2, 2, 3, 2)).transposed([0, 1, 3, 2, 4]).reshaped((1, 6, 4))
    found = arranged(patches)
    assert ("".join(found.tags), found.grid) == ("NLC", (2, 3))
    np.testing.assert_array_equal(found.rows, [0.5, 2.5])
    np.testing.assert_array_equal(found.columns, [0.5, 2.5, 4.5])


def test_windows_on_the_batch_axis_are_no_grid():
    """Windows that are attended to one by one: the batch axis runs over places."""
    start = picture_places((1, 1, 4, 6), "NCHW")
    windows = start.reshaped((2, 2, 2, 3)).transposed([0, 2, 1, 3]).reshaped((4, 6, 1))
    assert arranged(windows.marked("NLC")) is None
    assert arranged(windows.marked("CLC")) is not None


def test_tokens_in_front_stand_for_no_place():
    found = arranged(token_places((1, 9, 5), 1, (2, 3), (8, 12), 3))
    assert ("".join(found.tags), found.grid, found.prefix, found.order) == ("NLC", (2, 3), 3, None)
    # Middles of six patches of 4 x 4 pixels.
    np.testing.assert_array_equal(found.rows, [1.5, 5.5])
    np.testing.assert_array_equal(found.columns, [1.5, 5.5, 9.5])


def test_a_single_place_is_no_grid_but_may_keep_its_marks():
    start = picture_places((1, 3, 4, 6), "NCHW")
    pooled = start.contracted([2, 3])
    assert arranged(pooled) is None
    assert place_marks(pooled) == tuple("NCHW")
    assert place_marks(start) is None
    assert place_marks(pooled.reshaped((1, 3))) is None


def test_of_very_many_places_only_straight_rows_are_read(monkeypatch):
    """To sort ten million places takes seconds, and no picture has as many tokens."""
    start = picture_places((1, 1, 4, 6), "NCHW")
    tokens = start.reshaped((1, 24, 1))
    assert arranged(tokens).grid == (4, 6)
    monkeypatch.setattr("onnxplain.graph.arrangement._MOST", 23)
    assert arranged(start).grid == (4, 6)
    assert arranged(tokens) is None
