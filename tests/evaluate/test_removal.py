"""Deletion and insertion curves on a model whose score is known in closed form."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.evaluate.removal import Exchange

RNG = np.random.default_rng(3)
WEIGHTS = RNG.normal(size=(3, 6, 5))
X = RNG.normal(size=(1, 3, 6, 5))
BASELINE = np.zeros_like(X)


def linear(batch):
    return np.tensordot(batch, WEIGHTS, 3)


def heatmap():
    return (X[0] * WEIGHTS).sum(axis=0)


def by_hand(heat, step):
    order = np.argsort(-heat.ravel(), kind="stable")
    current, scores = X.copy(), []
    counts = [*range(0, 30, step), 30]
    for low, high in zip([0, *counts], counts, strict=False):
        for pixel in order[low:high]:
            current[0, :, pixel // 5, pixel % 5] = 0.0
        scores.append(float(linear(current)[0]))
    return np.array(counts) / 30, np.array(scores)


@pytest.mark.parametrize("step", [1, 4, 5, 7, 30])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_equals_removing_pixel_after_pixel(step, batch_size):
    curve = Exchange(linear, X, BASELINE, heatmap(), 1, step=step, batch_size=batch_size).curve()
    shares, scores = by_hand(heatmap(), step)
    np.testing.assert_allclose(curve.shares, shares)
    np.testing.assert_allclose(curve.scores, scores, atol=1e-12)
    assert curve.area == pytest.approx((scores[1:] + scores[:-1]) @ np.diff(shares) / 2, abs=1e-12)


def test_channels_may_come_last():
    first = Exchange(linear, X, BASELINE, heatmap(), 1).curve()
    last = Exchange(
        lambda b: linear(np.moveaxis(b, -1, 1)),
        np.moveaxis(X, 1, -1),
        np.moveaxis(BASELINE, 1, -1),
        heatmap(),
        3,
    ).curve()
    np.testing.assert_allclose(last.scores, first.scores, atol=1e-12)


def test_the_true_order_deletes_faster_and_inserts_faster_than_any_other():
    true = Exchange(linear, X, BASELINE, heatmap(), 1, step=1).curve()
    inserted = Exchange(linear, BASELINE, X, heatmap(), 1, step=1).curve()
    for seed in range(20):
        other = np.random.default_rng(seed).random((6, 5))
        assert Exchange(linear, X, BASELINE, other, 1, step=1).curve().area > true.area
        assert Exchange(linear, BASELINE, X, other, 1, step=1).curve().area < inserted.area


def test_random_order_is_the_straight_line_on_average():
    areas = [
        Exchange(linear, X, BASELINE, np.random.default_rng(s).random((6, 5)), 1).curve().area
        for s in range(400)
    ]
    assert np.mean(areas) == pytest.approx(linear(X)[0] / 2, abs=4 * np.std(areas) / 20)


@pytest.mark.parametrize(
    ("heat", "step", "said"),
    [(np.ones((5, 6)), 1, "does not fit an input"), (np.ones((6, 5)), 0, "at least one pixel")],
)
def test_what_does_not_fit_is_refused(heat, step, said):
    with pytest.raises(UsageError, match=said):
        Exchange(linear, X, BASELINE, heat, 1, step=step).curve()
