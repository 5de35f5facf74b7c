"""Means over windows of which only some are known, against the formula for finite samples."""

import itertools

import numpy as np

from onnxplain.perturb.window_grid import WindowGrid
from onnxplain.perturb.window_sample import mean_of_some

# Four windows of the whole height; the pixel in the middle is in all of them.
GRID = WindowGrid((1, 7), (1, 4), (1, 1))


def test_everything_known_is_the_plain_mean_without_error():
    values = np.array([[1.0, 2.0, 4.0, 9.0]])
    mean, error = mean_of_some(values, np.ones((1, 4), bool), GRID)
    np.testing.assert_allclose(mean, [[1, 1.5, 7 / 3, 4, 5, 6.5, 9]])
    np.testing.assert_array_equal(error, np.zeros((1, 7)))


def test_over_all_samples_the_estimate_has_no_bias_and_the_error_is_right():
    values = np.array([[1.0, 2.0, 4.0, 9.0]])
    means, variances = [], []
    for chosen in itertools.combinations(range(4), 2):
        computed = np.zeros((1, 4), bool)
        computed[0, list(chosen)] = True
        mean, error = mean_of_some(values, computed, GRID)
        means.append(mean[0, 3])
        variances.append(error[0, 3] ** 2)
    np.testing.assert_allclose(np.mean(means), values.mean())
    # The mean of the stated variances is the variance of the estimates.
    np.testing.assert_allclose(np.mean(variances), np.var(means))


def test_pixels_that_know_one_window_take_the_spread_of_the_others():
    values, computed = np.array([[1.0, np.nan, 5.0, np.nan]]), np.array([[True, False] * 2])
    mean, error = mean_of_some(values, computed, GRID)
    # Pixels 2 and 3 know both: s^2 = 8. Pixel 1 knows one of its two windows.
    np.testing.assert_allclose(mean[0, :4], [1, 1, 3, 3])
    wanted = [0, 8 * (1 - 1 / 2), 8 / 2 * (1 - 2 / 3), 8 / 2 * (1 - 2 / 4)]
    np.testing.assert_allclose(error[0, :4] ** 2, wanted)


def test_one_known_window_says_nothing_of_the_error():
    values, computed = np.array([[1.0, np.nan, 5.0, np.nan]]), np.array([[False] * 2 + [True, 0]])
    mean, error = mean_of_some(values, computed.astype(bool), GRID)
    # The first pixel's only window is unknown; the nearest known one stands in.
    np.testing.assert_allclose(mean, np.full((1, 7), 5.0))
    assert np.isnan(error).all()
