"""Softmax and Sigmoid beside SciPy's."""

import warnings

import numpy as np
import pytest
import scipy.special

from onnxplain.targets.shares import sigmoid, softmax

# What NumPy and SciPy call for an exponential differs in the last places.
ULPS = 16


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_softmax_is_scipys(rng, kind, axis):
    scores = (rng.normal(size=(3, 4, 5)) * 50).astype(kind)
    found = softmax(scores, axis)
    assert found.dtype == kind
    expected = scipy.special.softmax(scores.astype(np.float64), axis=axis)
    # Rounding of the difference from the maximum is multiplied by the exponential.
    bound = ULPS * np.finfo(kind).eps * (1 + np.ptp(scores))
    np.testing.assert_allclose(found, expected, rtol=bound, atol=np.finfo(kind).tiny)
    np.testing.assert_allclose(found.sum(axis=axis), 1.0, rtol=ULPS * np.finfo(kind).eps)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sigmoid_is_scipys(rng, kind):
    scores = (rng.normal(size=(3, 4)) * 20).astype(kind)
    found = sigmoid(scores)
    assert found.dtype == kind
    bound = ULPS * np.finfo(kind).eps
    np.testing.assert_allclose(found, scipy.special.expit(scores.astype(np.float64)), rtol=bound)


def test_huge_scores_are_no_trouble():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(sigmoid(np.array([-1e5, 0.0, 1e5])), [0.0, 0.5, 1.0])
        np.testing.assert_array_equal(softmax(np.array([-1e5, 1e5, 1e5])), [0.0, 0.5, 0.5])
        np.testing.assert_array_equal(softmax(np.array([-np.inf, 3.0])), [0.0, 1.0])
