"""Factors: planted ones are found, the minimum is one, coefficients are least squares."""

import numpy as np
import pytest
import scipy

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.features.concepts.factors import (
    coefficients_of,
    factorise,
    require_non_negative,
)


def planted(rng):
    """Three parts that share no channel, in mixtures some of which hold one part alone."""
    basis = np.kron(np.eye(3), rng.uniform(0.5, 1, (1, 4)))
    mixtures = np.concatenate([np.eye(3), rng.uniform(0, 1, (30, 3))])
    return mixtures, basis / np.linalg.norm(basis, axis=1, keepdims=True)


def test_planted_factors_are_found(rng):
    mixtures, basis = planted(rng)
    coefficients, found, error = factorise(mixtures @ basis, 3)
    assert error < 1e-2
    alike = found @ basis.T
    order = alike.argmax(axis=1)
    assert sorted(order) == [0, 1, 2]
    assert alike.max(axis=1).min() > 0.99
    np.testing.assert_allclose(coefficients, mixtures[:, order], atol=0.05)


def test_no_worse_than_multiplicative_updates(rng):
    """Lee and Seung 2001, from ten random starts, reach no smaller error."""
    values = rng.uniform(0, 1, (25, 9))
    _, _, error = factorise(values, 3)
    best = np.inf
    for _ in range(10):
        u, w = rng.uniform(0, 1, (25, 3)), rng.uniform(0, 1, (3, 9))
        for _ in range(400):
            u *= (values @ w.T) / (u @ w @ w.T)
            w *= (u.T @ values) / (u.T @ u @ w)
        best = min(best, np.linalg.norm(values - u @ w) / np.linalg.norm(values))
    assert error < 1.02 * best


def test_coefficients_are_non_negative_least_squares(rng):
    basis, values = rng.uniform(0, 1, (4, 12)), rng.uniform(0, 1, (7, 12))
    found = coefficients_of(values, basis)
    for row, wanted in zip(found, values, strict=True):
        np.testing.assert_allclose(row, scipy.optimize.nnls(basis.T, wanted)[0], atol=1e-9)
    assert (found == 0).any()


def test_refusals(rng):
    with pytest.raises(UsageError, match="4 concepts cannot be found in 3 crops with 5 channels"):
        factorise(np.ones((3, 5)), 4)
    with pytest.raises(UsageError, match="not all zero"):
        factorise(np.zeros((3, 5)), 2)
    with pytest.raises(MethodRefusedError, match=r"layer 'x' has negative activations \(-1\)"):
        require_non_negative(np.array([1.0, -1.0]), "x")
