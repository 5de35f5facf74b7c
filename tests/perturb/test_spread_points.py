"""Points that fill a cube evenly."""

import numpy as np
import pytest
from scipy.stats import qmc

from onnxplain.errors import UsageError
from onnxplain.perturb.spread_points import SpreadPoints


def test_they_are_the_same_however_they_are_asked_for():
    whole = SpreadPoints(6, 3).rows(slice(0, 200))
    pieces = SpreadPoints(6, 3)
    joined = [pieces.rows(slice(k, min(k + 37, 200))) for k in range(0, 200, 37)]
    np.testing.assert_array_equal(np.concatenate(joined), whole)


def test_they_are_a_sobol_sequence_up_to_a_shift():
    plain = qmc.Sobol(4, scramble=False).random(128)
    apart = (SpreadPoints(4, 0).rows(slice(0, 128)) - plain) % 1
    assert np.ptp(np.exp(2j * np.pi * apart), axis=0).max() < 1e-9
    other = SpreadPoints(4, 1).rows(slice(0, 128))
    assert np.abs(other - SpreadPoints(4, 0).rows(slice(0, 128))).max() > 0.01


def test_they_are_more_even_than_random_ones():
    points = SpreadPoints(8, 0).rows(slice(0, 256))
    drawn = np.random.default_rng(0).random((256, 8))
    assert qmc.discrepancy(points) < 0.5 * qmc.discrepancy(drawn)
    assert points.min() >= 0
    assert points.max() < 1


def test_too_many_dimensions_are_refused():
    with pytest.raises(UsageError, match="at most 10600 regions"):
        SpreadPoints(40000, 0)
