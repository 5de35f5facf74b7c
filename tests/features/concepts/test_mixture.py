"""Mixtures of Gaussians against scikit-learn and SciPy in the whole space."""

import numpy as np
import pytest
import scipy
from sklearn.mixture import GaussianMixture

from onnxplain.errors import UsageError
from onnxplain.features.concepts.mixture import fit_mixture


def planted(rng, size, count=40):
    centres = 5 * rng.normal(size=(2, size))
    rows = centres[np.arange(count) % 2] + rng.normal(size=(count, size))
    return rows, centres


def in_whole_space(mixture):
    """Means and covariances in all dimensions."""
    outer = np.eye(len(mixture.centre)) - mixture.axes.T @ mixture.axes
    spreads = [mixture.axes.T @ c @ mixture.axes + mixture.least * outer
               for c in mixture.covariances]  # fmt: skip
    return mixture.whole_means, spreads


@pytest.mark.parametrize("size", [4, 60])
def test_the_likelihood_is_that_of_the_whole_space(rng, size):
    """More dimensions than vectors as well: what they do not span has the least variance."""
    rows, _ = planted(rng, size)
    mixture = fit_mixture(rows, 2)
    means, spreads = in_whole_space(mixture)
    others = np.concatenate([rows[:5], rng.normal(size=(3, size)) * 4])
    densities = [
        np.log(w) + scipy.stats.multivariate_normal(m, s).logpdf(others)
        for w, m, s in zip(mixture.weights, means, spreads, strict=True)
    ]
    np.testing.assert_allclose(mixture.log_parts(others), np.stack(densities, axis=1), rtol=1e-8)
    wanted = scipy.special.logsumexp(densities, axis=0)
    np.testing.assert_allclose(mixture.log_likelihood(others), wanted, rtol=1e-8)


@pytest.mark.parametrize("size", [4, 30])
def test_the_fit_is_that_of_scikit_learn_in_the_whole_space(rng, size):
    rows, centres = planted(rng, size)
    mixture = fit_mixture(rows, 2)
    least = 0.05 * rows.var(axis=0).mean()
    assert mixture.least == pytest.approx(least)
    peer = GaussianMixture(2, reg_covar=least, n_init=5, random_state=0, tol=1e-3).fit(rows)
    np.testing.assert_allclose(mixture.log_likelihood(rows), peer.score_samples(rows), rtol=1e-6)
    far = np.linalg.norm(mixture.whole_means[:, None] - centres, axis=2)
    assert far.min(axis=1).max() < 0.5 * np.sqrt(size)


def test_refusals(rng):
    with pytest.raises(UsageError, match="2 prototypes need 4 or more pictures, not 3"):
        fit_mixture(rng.normal(size=(3, 5)), 2)
    with pytest.raises(UsageError, match="the relevance of all pictures is the same"):
        fit_mixture(np.ones((8, 5)), 1)
