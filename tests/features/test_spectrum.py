"""Pictures of fixed magnitudes: the constraint, slopes by differences, statistics of data."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.features.spectrum import free, natural_spectrum, spectrum_of

SIZES = [(8, 8), (7, 9), (6, 5), (5, 6)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_has_the_same_magnitudes(rng, size, channels):
    spectrum = natural_spectrum(size, channels)
    phases = rng.uniform(-4, 4, (2, *spectrum.magnitudes.shape))
    waves = spectrum.waves(phases)
    own = np.einsum("cd,ndhw->nchw", np.linalg.inv(spectrum.colors), waves)
    found = np.abs(np.fft.rfft2(own))
    np.testing.assert_allclose(found, np.broadcast_to(spectrum.magnitudes, found.shape), atol=1e-9)
    assert not np.allclose(waves[0], waves[1])


@pytest.mark.parametrize("size", SIZES)
def test_phases_that_a_real_picture_can_have_are_kept(rng, size):
    """Those of a real picture stay as they are, and the projection is its own transpose."""
    picture = rng.normal(size=size)
    transform = np.fft.rfft2(picture)
    phases = np.angle(transform)
    phases[np.abs(transform.imag) < 1e-12] = 0  # a sign is no phase here
    kept = free(phases, size[1])
    np.testing.assert_allclose(kept, phases, atol=1e-9)
    one, other = rng.normal(size=(2, *phases.shape))
    assert (free(one, size[1]) * other).sum() == pytest.approx((one * free(other, size[1])).sum())
    np.testing.assert_allclose(free(free(one, size[1]), size[1]), free(one, size[1]))


@pytest.mark.parametrize("size", SIZES)
def test_slopes_by_central_differences(rng, size):
    spectrum = natural_spectrum(size, 3)
    phases = rng.uniform(-3, 3, (2, *spectrum.magnitudes.shape))
    factors = rng.normal(size=(2, 3, *size))
    slopes = spectrum.slopes(phases, factors)
    step = 1e-6
    for place in [tuple(rng.integers(0, n) for n in phases.shape) for _ in range(25)]:
        up, down = phases.copy(), phases.copy()
        up[place] += step
        down[place] -= step
        rise = ((spectrum.pictures(up) - spectrum.pictures(down)) * factors).sum()
        assert slopes[place] == pytest.approx(rise / (2 * step), abs=1e-6)


def test_natural_pictures_have_their_contrast_and_fall_with_the_frequency(rng):
    spectrum = natural_spectrum((64, 64), 3)
    waves = spectrum.waves(rng.uniform(-3, 3, (1, *spectrum.magnitudes.shape)))[0]
    grey = waves.mean(axis=0)
    assert grey.std() == pytest.approx(0.22, rel=0.02)
    assert (waves - grey).std() < grey.std() / 2
    assert spectrum.magnitudes[0, 0, 8] == pytest.approx(spectrum.magnitudes[0, 0, 4] / 2)
    pictures = spectrum.pictures(np.zeros((1, *spectrum.magnitudes.shape)))
    assert 0 <= pictures.min() < pictures.max() <= 1


def test_statistics_of_data(rng):
    """Of pictures that were made of a spectrum: their colours and magnitudes come out."""
    true = natural_spectrum((16, 16), 3)
    waves = true.waves(rng.uniform(-3, 3, (200, *true.magnitudes.shape))) + 0.5
    found = spectrum_of(iter(waves), (16, 16), "drawn")
    spreads = np.mean([np.cov(w.reshape(3, -1), bias=True) for w in waves], axis=0)
    np.testing.assert_allclose(found.colors @ found.colors.T, spreads, rtol=1e-9)
    np.testing.assert_allclose(found.mean, 0.5, atol=1e-6)
    again = found.waves(rng.uniform(-3, 3, (50, *found.magnitudes.shape)))
    one, other = (np.abs(np.fft.rfft2(w.mean(axis=1))).mean(axis=0) for w in (again, waves - 0.5))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
    assert one.sum() == pytest.approx(other.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("pictures", "message"), [([], "there is none"), ([np.full((3, 4, 4), 0.2)], "one colour")]
)
def test_refusals(pictures, message):
    with pytest.raises(UsageError, match=message):
        spectrum_of(pictures, (4, 4), "drawn")
