"""Random maps keep the values and the coarseness of a map, and nothing of its places."""

import numpy as np
import pytest
import scipy

from onnxplain.evaluate.matched import matched_maps


def blob(side=32, spread=4.0):
    drawn = np.random.default_rng(2).normal(size=(side, side))
    return scipy.ndimage.gaussian_filter(drawn, spread)


def neighbours(values):
    """Correlation of pixels with those to their right."""
    return np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]


def test_each_has_the_values_of_the_map():
    given = blob()
    for made in matched_maps(given, 3, np.random.default_rng(0)):
        np.testing.assert_array_equal(np.sort(made, axis=None), np.sort(given, axis=None))


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_each_is_as_coarse_as_the_map(spread):
    given = blob(spread=spread)
    made = matched_maps(given, 20, np.random.default_rng(0))
    assert np.mean([neighbours(m) for m in made]) == pytest.approx(neighbours(given), abs=0.08)


def test_places_are_by_chance():
    given = blob(64, 2.0)
    made = matched_maps(given, 200, np.random.default_rng(0))
    alike = [np.corrcoef(m.ravel(), given.ravel())[0, 1] for m in made]
    assert abs(np.mean(alike)) < 0.03
    assert len({m.tobytes() for m in made}) == 200


def test_a_constant_map_stays():
    assert (matched_maps(np.ones((4, 5)), 2, np.random.default_rng(0)) == 1).all()
