"""Moments of maps: numpy's on all samples at once, and errors that are the spread over draws."""

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
