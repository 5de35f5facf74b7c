"""HSIC of choices and scores beside kernel matrices that are written out."""

import numpy as np
import pytest

from onnxplain.perturb.dependence import dependence, median_distance

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [2, 3, 300, 600])
def test_it_is_the_trace_of_centred_kernels(count):
    kept = RNG.random((count, 3)) < 0.5
    scores = RNG.normal(size=count) + kept[:, 0]
    centre = np.eye(count) - 1 / count
    outputs = np.exp(-(np.subtract.outer(scores, scores) ** 2) / (2 * 0.7**2))
    for k in range(3):
        inputs = 0.5 - np.subtract.outer(kept[:, k] * 1.0, kept[:, k] * 1.0) ** 2
        expected = np.trace(inputs @ centre @ outputs @ centre) / count**2
        assert dependence(kept, scores, 0.7)[0][k] == pytest.approx(expected, abs=1e-14)


def test_the_median_of_all_distances():
    assert median_distance(np.array([0.0, 1.0, 3.0])) == 2
    assert median_distance(np.array([0.0, 0.0, 0.0, 6.0])) == 3  # the median is 0, the mean is not
    assert median_distance(np.array([5.0, 5.0])) == 0
    assert median_distance(np.array([5.0])) == 0


def test_nothing_to_depend_on():
    kept = RNG.random((8, 2)) < 0.5
    assert not dependence(kept, np.ones(8), 0.0)[0].any()
    assert np.isnan(dependence(kept[:1], np.ones(1), 1.0)[1]).all()
