"""Diffusion on the grid: its differential equation, its variance, its borders."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.ndimage import gaussian_filter

from onnxplain.perturb.diffusion import Diffusion

RNG = np.random.default_rng(0)
CHANNELS_FIRST, CHANNELS_LAST = (2, 3), (1, 2)


def flow(length):
    """Differences from both neighbours, as a matrix; nothing flows across the border."""
    found = np.diag(np.full(length, -2.0)) + np.eye(length, k=1) + np.eye(length, k=-1)
    found[0, 0] += 1
    found[-1, -1] += 1
    return found


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 7.0])
def test_it_is_the_exponential_of_the_flow(sigma):
    x = RNG.normal(size=(2, 7, 12))
    down, right = (expm(sigma**2 / 2 * flow(n)) for n in (7, 12))
    found = Diffusion(x, CHANNELS_FIRST).at(np.array([sigma]))[0]
    np.testing.assert_allclose(found, down @ x @ right.T, atol=1e-12)


def test_the_slope_is_that_of_the_pictures():
    blur, sigmas = Diffusion(RNG.normal(size=(3, 9, 8)), CHANNELS_FIRST), np.array([0.4, 2.0])
    step = 1e-5
    measured = (blur.at(sigmas + step) - blur.at(sigmas - step)) / (2 * step)
    np.testing.assert_allclose(blur.slope(sigmas), measured, atol=1e-9)


def test_the_variance_is_that_of_a_gaussian():
    point = np.zeros((1, 81, 81))
    point[0, 40, 40] = 1
    (spread,) = Diffusion(point, CHANNELS_FIRST).at(np.array([3.0]))
    places = np.arange(81) - 40
    assert spread.sum() == pytest.approx(1)
    assert (spread[0].sum(axis=0) * places**2).sum() == pytest.approx(9, rel=1e-9)
    assert spread.min() > -1e-15
    gaussian = gaussian_filter(point, (0, 3, 3), mode="reflect", truncate=8)
    # The peak in each direction is higher by 1 / (8 s^2) + 9 / (128 s^4) + ...
    higher = (1 + 1 / 72 + 9 / (128 * 81)) ** 2 - 1
    assert np.abs(spread - gaussian).max() / gaussian.max() == pytest.approx(higher, rel=0.02)


def test_the_layout_does_not_matter_and_the_mean_stays():
    x = RNG.normal(size=(3, 6, 10))
    first = Diffusion(x, CHANNELS_FIRST).at(np.array([2.5]))
    last = Diffusion(np.moveaxis(x, 0, -1), CHANNELS_LAST).at(np.array([2.5]))
    np.testing.assert_allclose(np.moveaxis(last, -1, 1), first, atol=1e-13)
    np.testing.assert_allclose(first[0].mean(axis=(1, 2)), x.mean(axis=(1, 2)))
