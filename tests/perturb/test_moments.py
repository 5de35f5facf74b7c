"""Moments of maps: numpy's on all samples at once, and errors that are the spread over draws."""

import tracemalloc

import numpy as np
import pytest

from onnxplain.perturb.moments import Moments

PLAIN = {
    "mean": lambda v: v.mean(0),
    "square": lambda v: (v**2).mean(0),
    "variance": lambda v: v.var(0),
}


def drawn(seed, count, axes=("C", "H", "W")):
    """Skewed samples whose channels hang together."""
    random = np.random.default_rng(seed)
    common = random.exponential(size=(count, 1, 4, 5))
    maps = 0.5 + common + 0.5 * random.normal(size=(count, 3, 4, 5)) * [[[1.0]], [[2.0]], [[0.5]]]
    return maps if axes[0] == "C" else np.moveaxis(maps, 1, -1)


@pytest.mark.parametrize("axes", [("C", "H", "W"), ("H", "W", "C")])
@pytest.mark.parametrize("moment", list(PLAIN))
def test_values_whatever_the_batches(moment, axes):
    values = drawn(0, 30, axes)
    for sizes in ((30,), (1, 7, 22)):
        found = Moments(moment)
        for part in np.split(values, np.cumsum(sizes)[:-1]):
            found.add(part, axes)
        np.testing.assert_allclose(found.value(), PLAIN[moment](values), atol=1e-12)
        assert found.error().shape == (4, 5)


@pytest.mark.parametrize("moment", list(PLAIN))
def test_the_error_is_the_spread_over_draws(moment):
    """Of the sum over the channels; those of single channels would add up to something else."""
    runs = []
    for seed in range(300):
        found = Moments(moment)
        found.add(drawn(seed, 200), ("C", "H", "W"))
        runs.append((found.value().sum(axis=0), found.error()))
    spread = np.std([v for v, _ in runs], axis=0, ddof=1)
    claimed = np.mean([e for _, e in runs], axis=0)
    assert np.median(claimed / spread) == pytest.approx(1, abs=0.1)


def test_without_channels():
    values, found = drawn(0, 12)[:, 0], Moments("mean")
    found.add(values, ("H", "W"))
    np.testing.assert_allclose(found.value(), values.mean(0), atol=1e-13)
    np.testing.assert_allclose(found.error(), values.std(0, ddof=1) / np.sqrt(12), atol=1e-13)
    expected = np.sqrt(np.mean(found.error() ** 2)) / np.ptp(values.mean(0))
    assert found.relative_error() == pytest.approx(expected)


def test_one_sample_has_no_error():
    found = Moments("variance")
    found.add(drawn(0, 1), ("C", "H", "W"))
    assert np.isnan(found.error()).all()
    assert not found.value().any()


def error_of(values, moment):
    """The delta method written out in float64: the spread of each sample's own number."""
    v = values.astype(np.float64)
    numbers = {"mean": v, "square": v**2, "variance": (v - v.mean(0)) ** 2}[moment].sum(axis=1)
    return numbers.std(0, ddof=1) / np.sqrt(len(v))


@pytest.mark.parametrize("moment", list(PLAIN))
@pytest.mark.parametrize("size", [1e-15, 1.0, 1e9])
def test_float32_samples_as_in_float64(moment, size):
    """Also where the fourth power of a sample is no number of float32."""
    values = (drawn(2, 60) * size).astype(np.float32)
    found = Moments(moment)
    for part in np.split(values, [1, 9]):
        found.add(part, ("C", "H", "W"))
    expected = PLAIN[moment](values.astype(np.float64))
    np.testing.assert_allclose(found.value(), expected, rtol=3e-6)
    np.testing.assert_allclose(found.error(), error_of(values, moment), rtol=3e-6)


@pytest.mark.parametrize("moment", list(PLAIN))
def test_a_large_common_offset_costs_no_digits(moment):
    values = (drawn(3, 60) + 3000).astype(np.float32)
    found = Moments(moment)
    found.add(values, ("C", "H", "W"))
    expected = PLAIN[moment](values.astype(np.float64))
    np.testing.assert_allclose(found.value(), expected, rtol=3e-6)
    np.testing.assert_allclose(found.error(), error_of(values, moment), rtol=3e-5)


def test_a_sample_far_beyond_the_first_ones():
    """The first ones are zero, as those of a unit that is silent, or as good as."""
    values = drawn(4, 20).astype(np.float32)
    values[:5] = 0
    values[5:10] *= 1e-20
    found = Moments("variance")
    for part in np.split(values, 4):
        found.add(part, ("C", "H", "W"))
    np.testing.assert_allclose(found.value(), values.astype(float).var(0), rtol=1e-5)
    np.testing.assert_allclose(found.error(), error_of(values, "variance"), rtol=1e-5)


def test_equal_samples_have_no_variance():
    found = Moments("variance")
    found.add(np.repeat(drawn(5, 1).astype(np.float32), 11, axis=0), ("C", "H", "W"))
    assert not found.value().any()
    assert not found.error().any()


def test_the_mean_holds_a_few_maps_whatever_the_channels():
    values = np.random.default_rng(0).normal(size=(16, 24, 64, 64)).astype(np.float32)
    found = Moments("mean")
    tracemalloc.start()
    found.add(values, ("C", "H", "W"))
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # In float64, the samples and their squares alone would be four times as large as they are.
    assert taken < values.nbytes
