"""Least squares in a ball of the L1 norm: projections and the gap, by definition."""

import numpy as np

from onnxplain.features.projected_gradient import descend, duality_gap, project_to_l1_ball


def test_projection_by_hand_and_inside_nothing_changes():
    # 3 and -1 are shrunk by one each to add up to 2.
    assert project_to_l1_ball(np.array([3.0, -1.0, 0.5]), 2.0).tolist() == [2.0, 0.0, 0.0]
    assert project_to_l1_ball(np.array([2.0, -2.0]), 2.0).tolist() == [1.0, -1.0]
    inside = np.array([0.5, -0.5])
    assert project_to_l1_ball(inside, 2.0) is inside


def test_no_point_of_the_ball_is_nearer(rng):
    v = rng.normal(size=6) * 3
    found = project_to_l1_ball(v, 1.5)
    np.testing.assert_allclose(np.abs(found).sum(), 1.5)
    for _ in range(300):
        other = rng.normal(size=6)
        other *= 1.5 * rng.random() / np.abs(other).sum()
        # The condition of a projection on a convex set.
        assert (v - found) @ (other - found) <= 1e-12


def test_orthogonal_columns_are_solved_by_the_projection_itself(rng):
    X = np.linalg.qr(rng.normal(size=(8, 4)))[0]
    y = rng.normal(size=8) * 3
    found = descend(X, y, np.zeros(4), 1.0, 1e-10)
    np.testing.assert_allclose(found, project_to_l1_ball(X.T @ y, 1.0), atol=1e-5)


def test_the_gap_bounds_the_distance_to_the_minimum(rng):
    X, y = rng.normal(size=(20, 5)), rng.normal(size=20)
    best = descend(X, y, np.zeros(5), 0.7, 1e-12)
    assert np.abs(best).sum() <= 0.7 + 1e-12

    def loss(w):
        return ((X @ w - y) ** 2).sum()

    for _ in range(50):
        w = project_to_l1_ball(rng.normal(size=5), 0.7)
        assert loss(w) - loss(best) <= duality_gap(X, y, w, 0.7) + 1e-10
