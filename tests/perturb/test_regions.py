"""Superpixels and rectangles."""

import numpy as np
import pytest
import skimage.segmentation
from originals import pair

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.network.context import Context
from onnxplain.perturb.regions import find_regions


@pytest.fixture(scope="module")
def cat():
    made = pair("lite0")
    return Context(made.single.network, made.single.preprocess), made.x[0]


def test_superpixels_are_those_of_the_picture(cat):
    labels = find_regions(*cat, "slic", 50)
    pixels = cat[0].preprocess.decode(cat[1][None])[0]
    theirs = skimage.segmentation.slic(pixels, n_segments=50, start_label=0)
    np.testing.assert_array_equal(labels, theirs)
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    assert 25 <= labels.max() + 1 <= 75


@pytest.mark.parametrize(("count", "rows", "columns"), [(16, 4, 4), (1, 1, 1), (6, 2, 3)])
def test_rectangles(cat, count, rows, columns):
    labels = find_regions(*cat, "grid", count)
    assert labels.max() + 1 == rows * columns
    sizes = np.bincount(labels.ravel())
    assert sizes.max() <= 1.1 * sizes.min()
    for k in range(rows * columns):
        down, right = np.nonzero(labels == k)
        assert (np.ptp(down) + 1) * (np.ptp(right) + 1) == sizes[k]


def test_every_pixel_may_be_a_region(cat):
    assert find_regions(*cat, "grid", 224 * 224).max() + 1 == 224 * 224


def test_what_makes_no_sense_is_refused(cat):
    with pytest.raises(UnknownNameError, match="nearest: 'slic'"):
        find_regions(*cat, "slick", 50)
    for count in (0, 224 * 224 + 1):
        with pytest.raises(UsageError, match=f"regions must be .*, not {count}"):
            find_regions(*cat, "grid", count)
