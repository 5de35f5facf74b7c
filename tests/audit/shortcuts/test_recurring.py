"""Content that recurs in a place: by pictures of noise in which something was put."""

import numpy as np
import pytest

from onnxplain.audit.shortcuts.places import WINDOW
from onnxplain.audit.shortcuts.recurring import cells, recurring
from onnxplain.audit.zones import SIDE


def noise(count, seed, channels=3):
    return np.random.default_rng(seed).normal(size=(count, channels, SIDE, SIDE))


def marked(pictures, some, row, column, size=6, varies=0.02):
    found = pictures.copy()
    pattern = np.random.default_rng(7).normal(size=(found.shape[1], size, size)) * 2
    for k in some:
        spread = np.random.default_rng(k).normal(size=pattern.shape) * varies
        found[k, :, row : row + size, column : column + size] = pattern + spread
    return found


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 20), (11, 11)])
def test_half_of_the_pictures_have_the_mark(channels, row, column):
    ours = marked(noise(20, 0, channels), range(0, 20, 2), row, column)
    found = recurring(ours, noise(40, 1, channels))
    # Of grey noise a fifth of the cells agrees by chance, so that others may be among them.
    assert set(range(0, 20, 2)) <= set(found.members)
    assert len(found.members) <= (10 if channels == 3 else 14)
    assert found.row <= row
    assert row + 6 <= found.row + WINDOW
    assert found.column <= column
    assert column + 6 <= found.column + WINDOW


@pytest.mark.parametrize("some", [range(4), range(2)])
def test_few_pictures_are_no_pattern(some):
    assert recurring(marked(noise(20, 0), some, 2, 2), noise(40, 1)) is None


def test_what_other_classes_have_as_often_is_not_one():
    ours = marked(noise(20, 0), range(10), 2, 2)
    others = marked(noise(40, 1), range(20), 2, 2)
    assert recurring(ours, others) is None


def test_noise_and_an_empty_border_have_none():
    assert recurring(noise(20, 0), noise(40, 1)) is None
    empty, framed = noise(20, 0), noise(40, 1)
    empty[:, :, :8], framed[:, :, :8] = 0.0, 0.0
    assert recurring(empty, framed) is None


@pytest.mark.parametrize("axis", [1, 3])
def test_cells_are_means_of_pixels(axis):
    x = np.random.default_rng(0).random((1, 2, 2 * SIDE, SIDE))
    found = cells(np.moveaxis(x, 1, axis), axis)
    np.testing.assert_allclose(found[1, 3, 5], x[0, 1, 6:8, 5].mean(), rtol=1e-6)
