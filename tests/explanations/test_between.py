"""Reading between the places of a grid, beside SciPy's two ways."""

import numpy as np
import pytest
import scipy.interpolate
import scipy.ndimage

from onnxplain.explanations.between import between


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (6, 1), (4, 7)])
def test_pictures_are_those_of_scipys_filter(rng, shape):
    values = rng.normal(size=shape)
    rows, columns = (np.linspace(-2, n + 1, 40) for n in shape)
    expected = scipy.ndimage.map_coordinates(
        values, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest"
    )
    found = between(values, rows[:, None], columns[None])
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_points_are_those_of_scipys_interpolation(rng):
    values = rng.normal(size=(4, 7))
    points = rng.uniform(0, [3, 6], size=(50, 2))
    known = scipy.interpolate.RegularGridInterpolator([np.arange(4), np.arange(7)], values)
    np.testing.assert_allclose(between(values, *points.T), known(points), atol=1e-13)


def test_places_of_the_grid_have_its_values(rng):
    values = rng.normal(size=(4, 7)).astype(np.float32)
    found = between(values, np.arange(4)[:, None], np.arange(7)[None])
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float64


def test_a_picture_has_exactly_the_values_of_its_points(rng):
    values = rng.normal(size=(4, 7))
    rows, columns = (np.linspace(-2, n + 1, 40) for n in values.shape)
    points = np.meshgrid(rows, columns, indexing="ij")
    found = between(values, rows[:, None], columns[None])
    np.testing.assert_array_equal(found, between(values, *points))
