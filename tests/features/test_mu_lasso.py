"""The mu-LASSO against scikit-learn's coordinate descent, its optimality conditions, and a
closed form."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.linear_model import Lasso

from onnxplain.errors import NumericalError, UsageError
from onnxplain.features import mu_lasso as module
from onnxplain.features.mu_lasso import mu_lasso
from onnxplain.features.projected_gradient import descend, duality_gap, project_to_l1_ball


def problem(seed, rows=40, columns=60):
    """Non-negative rows of length one, as responses are, with a dead column and twins."""
    rng = np.random.default_rng(seed)
    X = rng.exponential(size=(rows, columns)) * rng.random(columns)
    X[:, 7] = 0.0
    X[:, 11] = X[:, 12]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    labels = (X[:, 3] + X[:, 12] - X[:, 40] > np.median(X[:, 3])).astype(float)
    return X, labels


def coordinate_descent(X, labels, mu):
    """Scikit-learn's penalised form, with the penalty at which the weights add up to mu."""

    def solve(penalty):
        model = Lasso(penalty, fit_intercept=False, tol=1e-8, max_iter=200_000)
        return model.fit(X, labels).coef_

    top = np.abs(X.T @ labels).max() / len(X)
    penalty = brentq(lambda a: np.abs(solve(a)).sum() - mu, 1e-3 * top, top, xtol=1e-10)
    return solve(penalty)


@pytest.mark.parametrize("mu", [0.3, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(2))
def test_objective_of_coordinate_descent(seed, mu):
    X, labels = problem(seed)
    found = mu_lasso(X, labels, mu)
    other = coordinate_descent(X, labels, mu)
    theirs = ((X @ other - labels) ** 2).sum()
    assert abs(found.objective - theirs) <= 1e-5 * theirs
    np.testing.assert_allclose(np.abs(found.weights).sum(), mu, rtol=1e-9)
    assert 0 < (found.weights != 0).sum() < 30


@pytest.mark.parametrize("mu", [0.3, 2.0, 4.0])
def test_optimality_conditions(mu):
    """Slopes are -lambda sign(w) where w is not zero, and no steeper anywhere else."""
    X, labels = problem(5)
    found = mu_lasso(X, labels, mu)
    slope = 2 * X.T @ (X @ found.weights - labels)
    steepest = np.abs(slope).max()
    chosen = found.weights != 0
    residual = np.abs(slope[chosen] + steepest * np.sign(found.weights[chosen])).max() / steepest
    assert residual < 1e-3
    np.testing.assert_allclose(found.stationarity, residual, atol=1e-9)
    assert found.gap < 1e-8 * labels.sum()
    assert found.weights[7] == 0


def test_gap_bounds_the_distance_to_the_best():
    """For any weights within the constraint, what the gap says is never too little."""
    X, labels = problem(1)
    best = mu_lasso(X, labels, 2.0).objective
    rng = np.random.default_rng(0)
    for _ in range(20):
        weights = rng.standard_normal(X.shape[1])
        weights *= 2.0 / np.abs(weights).sum()
        error = X @ weights - labels
        slope = 2 * X.T @ error
        assert error @ error - best <= slope @ weights + 2.0 * np.abs(slope).max() + 1e-12


def test_orthonormal_columns_are_soft_thresholded():
    rng = np.random.default_rng(2)
    X = np.linalg.qr(rng.standard_normal((30, 10)))[0]
    labels = (rng.random(30) > 0.5).astype(float)
    plain = X.T @ labels
    mu = 0.5 * np.abs(plain).sum()
    threshold = brentq(lambda t: np.maximum(np.abs(plain) - t, 0).sum() - mu, 0, 10)
    expected = np.sign(plain) * np.maximum(np.abs(plain) - threshold, 0)
    np.testing.assert_allclose(mu_lasso(X, labels, mu).weights, expected, atol=1e-12)


def test_a_loose_constraint_gives_least_squares():
    rng = np.random.default_rng(3)
    X, labels = rng.random((40, 11)), (rng.random(40) > 0.5).astype(float)
    found = mu_lasso(X, labels, 1e6)
    expected = np.linalg.lstsq(X, labels, rcond=None)[0]
    np.testing.assert_allclose(found.weights, expected, atol=1e-9)


@pytest.mark.parametrize("mu", [0.3, 2.0, 4.0])
def test_projected_gradients_reach_the_path(mu):
    """From zero, without the path: the same objective."""
    X, labels = problem(0)
    weights = descend(X, labels, np.zeros(X.shape[1]), mu, 1e-8 * labels.sum())
    assert duality_gap(X, labels, weights, mu) <= 1e-8 * labels.sum()
    objective = ((X @ weights - labels) ** 2).sum()
    np.testing.assert_allclose(objective, mu_lasso(X, labels, mu).objective, rtol=1e-6)


def test_projection_is_the_nearest_point_of_the_ball(rng):
    for _ in range(20):
        v = rng.standard_normal(9) * 2
        radius = float(rng.uniform(0.1, 10))
        found = project_to_l1_ball(v, radius)
        assert np.abs(found).sum() <= radius + 1e-9
        threshold = 0.0
        if np.abs(v).sum() > radius:
            threshold = brentq(lambda t: np.maximum(np.abs(v) - t, 0).sum() - radius, 0, 20)  # noqa: B023
        expected = np.sign(v) * np.maximum(np.abs(v) - threshold, 0)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_nothing_to_learn_from():
    X, labels = problem(0)
    assert not mu_lasso(X, np.zeros_like(labels), 1.0).weights.any()
    assert not mu_lasso(np.zeros_like(X), labels, 1.0).weights.any()


def test_refusals(monkeypatch):
    X, labels = problem(0)
    for mu in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="must be above 0"):
            mu_lasso(X, labels, mu)
    monkeypatch.setattr(module, "_on_path", lambda X, y, mu: np.full(X.shape[1], 1e-3))
    monkeypatch.setattr(module, "descend", lambda X, y, w, mu, tolerance: w)
    with pytest.raises(NumericalError, match=r"was not solved: .* choose a smaller mu"):
        mu_lasso(X, labels, 1.0)
