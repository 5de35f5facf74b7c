"""Intervals of means, against the normal approximation."""

import numpy as np
import pytest

from onnxplain.evaluate.interval import bootstrap_interval


def test_the_interval_is_that_of_the_central_limit():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    low, high = bootstrap_interval(values, 0)
    half = 1.96 * values.std() / np.sqrt(400)
    # The ends of 2000 resamples scatter by about 3 % of the half width.
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_equal_numbers_leave_no_doubt_and_a_seed_repeats_itself():
    assert bootstrap_interval(np.full(7, 2.5), 0) == (2.5, 2.5)
    values = np.random.default_rng(3).normal(size=9)
    assert bootstrap_interval(values, 1) == bootstrap_interval(values, 1)
    assert bootstrap_interval(values, 1) != bootstrap_interval(values, 2)
