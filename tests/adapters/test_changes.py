"""Windows and their contents, put into whole inputs."""

import numpy as np
import pytest

from onnxplain.adapters.changes import (
    WindowChanges,
    changed_inputs,
    engine_named,
    gathered,
    inside,
    piece,
)
from onnxplain.errors import UnknownNameError, UsageError

WINDOWS = np.array([[0, 2, 1, 3], [1, 3, 0, 4]])


@pytest.mark.parametrize("spatial", [(1, 2), (0, 1)])
def test_inputs_differ_inside_of_their_window_only(spatial, rng):
    base, other = np.moveaxis(rng.normal(size=(2, 2, 3, 4)), 1, 1 if spatial == (1, 2) else -1)
    changes = WindowChanges.from_picture(WINDOWS, other, spatial)
    found = changed_inputs(base, changes, [1, 0], spatial)
    for picture, (top, bottom, left, right) in zip(found, WINDOWS[[1, 0]], strict=True):
        rows, columns = np.mgrid[:3, :4]
        within = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        mask = within if spatial == (1, 2) else within[..., None]
        np.testing.assert_array_equal(picture, np.where(mask, other, base))
    assert len(changes) == 2


def test_the_index_of_a_window():
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(x[inside([1, 3, 0, 2], (1, 2))], x[:, 1:3, 0:2])


@pytest.mark.parametrize("wrong", [[0, 0, 0, 1], [2, 1, 0, 1], [-1, 1, 0, 1], [0, 1, 3, 3]])
def test_empty_windows_are_refused(wrong):
    with pytest.raises(UsageError, match="none of them empty"):
        WindowChanges(np.array([wrong]), lambda k: np.zeros(1))


def test_small_blocks_are_joined_and_large_ones_stay(rng):
    def block(*indices):
        return np.array(indices), {
            "a": rng.normal(size=(len(indices), 3)),
            "b": np.ones(len(indices)),
        }

    given = [block(4), block(0, 1), block(2), block(3)]
    found = list(gathered(iter(given), most=8))
    assert [list(indices) for indices, _ in found] == [[4, 0, 1], [2, 3]]
    for indices, tensors in found:
        for k, index in enumerate(indices):
            (before,) = [(i, t) for i, t in given if index in i]
            row = list(before[0]).index(index)
            np.testing.assert_array_equal(tensors["a"][k], before[1]["a"][row])
    assert list(gathered(iter([]))) == []


def test_what_does_not_hold_the_windows_is_not_joined():
    blocks = [(np.array([k]), {"a": np.arange(5.0)}) for k in range(3)]
    assert [len(i) for i, _ in gathered(iter(blocks))] == [1, 1, 1]


def test_engines_by_name():
    assert engine_named("brute-force") == "brute-force"
    with pytest.raises(UnknownNameError, match="engine 'incrementl'; nearest: 'incremental'"):
        engine_named("incrementl")


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (0, 2), (2, 1), (2, 0)])
def test_height_and_width_are_indexed_wherever_they_stand(axes):
    values = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    expected = values.take(range(1, 3), axes[0]).take(range(2, 4), axes[1])
    found = values[piece(slice(1, 3), slice(2, 4), axes)]
    np.testing.assert_array_equal(found, expected)
