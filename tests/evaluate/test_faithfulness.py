"""Faithfulness measures where the right attribution is known."""

import numpy as np
import pytest

from onnxplain.evaluate.faithfulness import completeness_gap, infidelity, sensitivity_n, unexplained

RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(size=(3, 6, 5))
X = RNG.normal(size=(1, 3, 6, 5))
BASELINE = RNG.normal(size=(1, 3, 6, 5))


def linear(batch):
    return np.tensordot(batch, WEIGHTS, 3)


def curved(batch):
    return np.tanh(linear(batch) / 4) + 0.2 * (batch**2).sum(axis=(1, 2, 3))


def exact():
    return ((X - BASELINE)[0] * WEIGHTS).sum(axis=0)


def test_completeness_of_the_exact_attribution_and_of_half_of_it():
    score, base = float(linear(X)[0]), float(linear(BASELINE)[0])
    assert completeness_gap(exact(), score, base) == pytest.approx(0.0, abs=1e-12)
    assert completeness_gap(exact() / 2, score, base) == pytest.approx(0.5)


@pytest.mark.parametrize(("sum_", "gap"), [(0.0, 0.0), (1.0, float("inf"))])
def test_completeness_where_the_score_does_not_change(sum_, gap):
    assert completeness_gap(np.array([sum_]), 2.0, 2.0) == gap


def test_sensitivity_is_one_for_the_exact_attribution_and_chance_for_a_random_one():
    rng = np.random.default_rng
    found = sensitivity_n(linear, X, BASELINE, exact(), 1, rng(0))
    assert list(found) == sorted(found)
    assert min(found) == 1
    assert max(found) == 24
    np.testing.assert_allclose(list(found.values()), 1.0, atol=1e-9)
    against = sensitivity_n(linear, X, BASELINE, -exact(), 1, rng(0), sizes=[5])
    assert against[5] == pytest.approx(-1.0)
    chance = [
        sensitivity_n(linear, X, BASELINE, rng(s).random((6, 5)), 1, rng(s), sizes=[5])[5]
        for s in range(100)
    ]
    assert abs(np.mean(chance)) < 0.1


def test_sensitivity_of_a_map_that_does_not_vary_is_zero():
    flat = np.ones((6, 5))
    assert sensitivity_n(linear, X, BASELINE, flat, 1, np.random.default_rng(0), sizes=[3]) == {
        3: 0.0
    }


def test_sensitivity_with_channels_last():
    nhwc = [np.moveaxis(v, 1, -1) for v in (X, BASELINE)]
    found = sensitivity_n(
        lambda b: linear(np.moveaxis(b, -1, 1)), *nhwc, exact(), 3, np.random.default_rng(0)
    )
    np.testing.assert_allclose(list(found.values()), 1.0, atol=1e-9)


def test_infidelity_of_the_gradient_of_a_linear_model_is_zero():
    changes = RNG.normal(size=(40, 3, 6, 5))
    assert infidelity(linear, X, WEIGHTS, changes) == pytest.approx(0.0, abs=1e-20)
    assert infidelity(linear, X, 3 * WEIGHTS, changes) > 1.0
    assert infidelity(linear, X, 3 * WEIGHTS, changes, scaled=True) == pytest.approx(0, abs=1e-20)


def test_infidelity_equals_captum_on_the_same_changes():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("captum.metrics")
    changes = RNG.normal(size=(10, 3, 6, 5)) / 3
    attribution = RNG.normal(size=(3, 6, 5))

    def model(batch):
        return torch.from_numpy(curved(batch.numpy()))

    def perturb(inputs):
        drawn = torch.from_numpy(changes)
        return drawn, inputs - drawn

    for scaled in (False, True):
        theirs = metrics.infidelity(
            model,
            perturb,
            torch.from_numpy(X),
            torch.from_numpy(attribution[None]),
            n_perturb_samples=10,
            normalize=scaled,
        )
        ours = infidelity(curved, X, attribution, changes, scaled=scaled)
        assert ours == pytest.approx(float(theirs[0]), rel=1e-9)


def test_squares_are_predicted_by_the_exact_attribution_in_any_unit_and_by_chance_not():
    def left(heatmap, seed=0):
        rng = np.random.default_rng(seed)
        return unexplained(linear, X, BASELINE, heatmap, 1, rng, samples=200)

    assert left(exact()) == pytest.approx(0.0, abs=1e-12)
    assert left(-7 * exact()) == pytest.approx(0.0, abs=1e-12)
    assert left(np.full((6, 5), 3.0)) == pytest.approx(1.0)
    assert left(np.zeros((6, 5))) >= 1.0
    chance = [left(np.random.default_rng(s).normal(size=(6, 5)), s) for s in range(40)]
    assert np.mean(chance) > 0.8
    assert left(exact() + 0.3 * np.random.default_rng(1).normal(size=(6, 5))) < np.mean(chance)


def test_squares_equal_infidelity_of_the_same_changes():
    """Against the plain definition, with the attribution per unit of input and one scale."""
    mixed = exact() + RNG.normal(size=(6, 5))
    per_unit = (mixed / 3)[None] / (X - BASELINE)[0]
    ours = unexplained(curved, X, BASELINE, mixed, 1, np.random.default_rng(4), samples=30)
    again, changes = np.random.default_rng(4), []
    for _ in range(30):
        side = max(1, round(5 * again.uniform(0.1, 0.5)))
        row, column = again.integers(6 - side + 1), again.integers(5 - side + 1)
        change = np.zeros_like(X[0])
        square = (slice(None), slice(row, row + side), slice(column, column + side))
        change[square] = (X - BASELINE)[0][square]
        changes.append(change)
    plain = infidelity(curved, X, per_unit, np.array(changes), scaled=True)
    same = np.ones((6, 5))[None] / 3 / (X - BASELINE)[0]
    area = infidelity(curved, X, same, np.array(changes), scaled=True)
    assert ours == pytest.approx(plain / area, rel=1e-9)


def test_completeness_of_a_random_map_misses_by_the_whole_change_or_more():
    score, base = float(linear(X)[0]), float(linear(BASELINE)[0])
    gaps = [
        completeness_gap(np.random.default_rng(s).normal(size=(6, 5)), score, base)
        for s in range(200)
    ]
    assert np.median(gaps) > 0.5
