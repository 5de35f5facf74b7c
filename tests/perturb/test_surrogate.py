"""Linear models over regions against scikit-learn, enumeration and their own spread."""

import itertools
import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from onnxplain.perturb.coalitions import every, independent, shapley_pairs
from onnxplain.perturb.surrogate import constrained_shapley, exact_shapley, weighted_ridge


def game(kept, seed=0):
    """Scores with interactions of two and three regions."""
    rng = np.random.default_rng(seed)
    z = kept.astype(float)
    k = z.shape[1]
    two = rng.normal(size=(k, k))
    return z @ rng.normal(size=k) + ((z @ two) * z).sum(1) + 2 * z[:, 0] * z[:, 1] * z[:, k - 1]


def by_definition(regions):
    """Shapley values, transcribed from their definition."""
    values = np.zeros(regions)
    for i in range(regions):
        others = [j for j in range(regions) if j != i]
        for size in range(regions):
            for chosen in itertools.combinations(others, size):
                without = np.zeros((1, regions), bool)
                without[0, list(chosen)] = True
                with_it = without.copy()
                with_it[0, i] = True
                weight = math.factorial(size) * math.factorial(regions - size - 1)
                gain = game(with_it)[0] - game(without)[0]
                values[i] += weight / math.factorial(regions) * gain
    return values


@pytest.mark.parametrize("regions", [2, 3, 8])
def test_exact_shapley_values_are_those_of_the_definition(regions):
    scores = game(every(regions))
    found = exact_shapley(scores)
    np.testing.assert_allclose(found, by_definition(regions), atol=1e-8)
    assert found.sum() == pytest.approx(scores[-1] - scores[0], abs=1e-10)


def test_a_single_region_has_all_of_the_change():
    np.testing.assert_allclose(exact_shapley(np.array([0.25, 1.0])), [0.75])
    values, errors = constrained_shapley(np.ones((4, 1), bool), np.ones(4), 0.25, 1.0)
    assert (values.tolist(), errors.tolist()) == ([0.75], [0.0])


def test_every_choice_comes_once():
    choices = every(5)
    assert len(np.unique(choices, axis=0)) == 32
    assert not choices[0].any()
    assert choices[-1].all()
    assert choices[0b00110].tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 10.0])
def test_ridge_is_that_of_scikit_learn(alpha, rng):
    kept = independent(rng, 60, 9)
    scores, weights = game(kept) + rng.normal(size=60), rng.uniform(0.1, 1, 60)
    reference = Ridge(alpha=alpha).fit(kept.astype(float), scores, weights)
    found, _, fit = weighted_ridge(kept, scores, weights, alpha)
    np.testing.assert_allclose(found, reference.coef_, atol=1e-10)
    assert fit == pytest.approx(reference.score(kept.astype(float), scores, weights), abs=1e-10)
    other, _, _ = weighted_ridge(kept, scores, np.ones(60), alpha)
    assert np.abs(other - found).max() > 1e-3


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1e-6])
def test_a_weak_penalty_shares_out_what_samples_do_not_tell_apart(alpha, rng):
    """Two regions that are always kept together, and one that always is."""
    kept = independent(rng, 60, 4)[:, [0, 1, 1, 2, 3]]
    kept[:, 4] = True
    scores = kept @ np.array([1.0, 2.0, 2.0, 3.0, 9.0])
    found, errors, fit = weighted_ridge(kept, scores, np.ones(60), alpha)
    np.testing.assert_allclose(found, [1, 2, 2, 3, 0], atol=1e-6)
    assert np.isfinite(errors).all()
    assert fit == pytest.approx(1)
    nothing, _, _ = weighted_ridge(np.ones((9, 2), bool), np.arange(9.0), np.ones(9), alpha)
    np.testing.assert_allclose(nothing, 0, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 20.0])
def test_the_error_of_ridge_is_its_spread_over_draws(alpha):
    runs = []
    for seed in range(300):
        kept = independent(np.random.default_rng(seed), 200, 6)
        weights = np.exp(-((1 - np.sqrt(kept.mean(1))) ** 2) / 0.125)
        runs.append(weighted_ridge(kept, game(kept), weights, alpha)[:2])
    spread = np.std([c for c, _ in runs], axis=0)
    claimed = np.mean([e for _, e in runs], axis=0)
    np.testing.assert_allclose(claimed, spread, rtol=0.15)


def test_pairs_are_complements_with_sizes_of_the_shapley_kernel():
    kept = shapley_pairs(np.random.default_rng(0), 40_000, 7)
    assert (kept[::2] != kept[1::2]).all()
    sizes = np.bincount(kept.sum(1), minlength=8) / len(kept)
    kernel = np.array([0, *(1 / (s * (7 - s)) for s in range(1, 7)), 0])
    np.testing.assert_allclose(sizes, kernel / kernel.sum(), atol=0.01)
    np.testing.assert_allclose(kept.mean(0), 0.5, atol=0.01)


def test_the_constrained_fit_estimates_shapley_values():
    """All choices with their exact weights, as repeated rows, give the exact values."""
    choices, regions = every(4), 4
    sizes = choices.sum(1)
    repeats = [0 if s in (0, regions) else 24 // (math.comb(4, s) * s * (4 - s)) for s in sizes]
    half = [k for k, row in enumerate(choices) if row[0]]  # each with its complement behind it
    rows = [r for k in half for _ in range(repeats[k]) for r in (choices[k], ~choices[k])]
    kept, scores = np.array(rows), game(np.array(rows))
    empty, full = game(choices)[[0, -1]]
    found, _ = constrained_shapley(kept, scores, empty, full)
    assert repeats[1] == 2
    np.testing.assert_allclose(found, by_definition(4), atol=1e-10)


def test_the_error_of_the_constrained_fit_is_its_spread_over_draws():
    runs, exact = [], exact_shapley(game(every(6)))
    empty, full = game(every(6))[[0, -1]]
    for seed in range(300):
        kept = shapley_pairs(np.random.default_rng(seed), 200, 6)
        runs.append(constrained_shapley(kept, game(kept), empty, full))
    found = np.array([c for c, _ in runs])
    np.testing.assert_allclose(found.sum(1), full - empty, atol=1e-10)
    np.testing.assert_allclose(np.mean([e for _, e in runs], 0), found.std(0), rtol=0.15)
    assert np.abs(found.mean(0) - exact).max() < 5 * found.std(0).max() / np.sqrt(300)


def test_too_few_samples_have_no_known_error(rng):
    kept = independent(rng, 6, 6)
    assert np.isnan(weighted_ridge(kept, game(kept), np.ones(6), 1.0)[1]).all()
    pairs = shapley_pairs(rng, 10, 6)
    values, errors = constrained_shapley(pairs, game(pairs), 0.0, 1.0)
    assert np.isnan(errors).all()
    assert values.sum() == pytest.approx(1.0)


def test_equal_scores_have_no_effects(rng):
    kept = independent(rng, 100, 5)
    values, errors, _ = weighted_ridge(kept, np.full(100, 0.5), np.ones(100), 1.0)
    assert not values.any()
    assert not errors.any()
