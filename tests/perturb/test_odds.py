"""Log-odds with Laplace's correction."""

import numpy as np
import pytest

from onnxplain.perturb.odds import log_odds, log_odds_slope

P = np.array([0.0, 0.01, 0.3, 0.5, 0.99, 1.0])


def test_by_hand():
    # p N + 1 of N + K, here 1, 31 and 101 of 110.
    found = log_odds(np.array([0.0, 0.3, 1.0]), 100, 10)
    np.testing.assert_allclose(found, np.log2([1 / 109, 31 / 79, 101 / 9]))


def test_certainty_is_finite_and_many_observations_change_nothing():
    assert np.isfinite(log_odds(P, 100_000, 1000)).all()
    inner = P[1:-1]
    np.testing.assert_allclose(log_odds(inner, 10**12, 2), np.log2(inner / (1 - inner)), atol=1e-6)


@pytest.mark.parametrize(("count", "classes"), [(10, 2), (100_000, 1000)])
def test_the_slope_is_the_derivative(count, classes):
    inner, step = P[1:-1], 1e-6
    wanted = log_odds(inner + step, count, classes) - log_odds(inner - step, count, classes)
    found = log_odds_slope(inner, count, classes)
    np.testing.assert_allclose(found, wanted / (2 * step), rtol=1e-5)
    assert (found > 1).all()
