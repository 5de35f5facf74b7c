"""Windows inside of a picture, and means over them."""

import numpy as np
import pytest

from onnxplain.perturb.windows import mean_over_windows, scattered, windows_inside


@pytest.mark.parametrize(
    ("picture", "window", "stride"),
    [((12, 9), (3, 4), (3, 2)), ((10, 10), (4, 4), (4, 3)), ((5, 7), (5, 7), (1, 1))],
)
def test_windows_cover_the_picture_and_stay_inside(picture, window, stride):
    windows = windows_inside(picture, window, stride)
    covered = np.zeros(picture)
    for top, bottom, left, right in windows:
        assert 0 <= top < bottom <= picture[0]
        assert 0 <= left < right <= picture[1]
        assert (bottom - top, right - left) == window
        covered[top:bottom, left:right] += 1
    assert covered.all()
    assert len(np.unique(windows, axis=0)) == len(windows)


def test_parts_hold_every_window_once_and_are_spread():
    parts = scattered(1000, seed=0)
    assert sorted(np.concatenate(parts)) == list(range(1000))
    assert all(len(p) <= 256 for p in parts)
    assert all(np.ptp(p) > 900 for p in parts)
    np.testing.assert_array_equal(np.concatenate(parts), np.concatenate(scattered(1000, seed=0)))


def test_means_and_errors_by_hand():
    windows = np.array([[0, 2, 0, 2], [0, 2, 1, 3], [1, 3, 1, 3]])
    values, errors = np.array([1.0, 4.0, np.nan]), np.array([0.3, 0.4, np.nan])
    mean, spread, covered = mean_over_windows(values, errors, windows, (3, 3))
    np.testing.assert_allclose(mean, [[1, 2.5, 4], [1, 2.5, 4], [0, 0, 0]])
    np.testing.assert_allclose(spread[:2], [[0.3, 0.25, 0.4]] * 2)
    assert np.isnan(spread[2]).all()
    assert covered == pytest.approx(6 / 9)
