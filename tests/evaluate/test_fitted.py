"""Curves from few points: their area against that of all points, and which points they take."""

import numpy as np
import pytest

from onnxplain.evaluate.fitted import Fit, fitted_curve
from onnxplain.evaluate.removal import Curve, Exchange

ROWS = 224
SHARES = np.linspace(0, 1, ROWS + 1)


class Asked:
    """Scores of a known curve, and which of them were asked for."""

    def __init__(self, values):
        self.values, self.points, self.calls = np.asarray(values, np.float64), [], 0

    def __call__(self, points):
        self.calls += 1
        self.points += points
        return self.values[points]


def fit(values, within=0.005, shares=SHARES, rule=(), **options):
    asked = Asked(values)
    found = fitted_curve(shares, asked, Fit(within, *rule), **options)
    return found, asked, found.area - Curve(shares, asked.values).area


CURVES = {
    "straight": 1 - SHARES,
    "falls at once": np.exp(-30 * SHARES),
    "a step": np.where(SHARES < 0.37, 0.9, 0.1),
    "a late step": np.where(SHARES < 0.991, 0.0, 1.0),
    "a bump": np.exp(-(((SHARES - 0.6) / 0.03) ** 2)),
    "Sigmoid": 1 / (1 + np.exp(60 * (SHARES - 0.21))),
    "waves": 0.5 + 0.4 * np.sin(20 * SHARES),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("within", [0.005, 0.002, 0.001])
@pytest.mark.parametrize("rule", [(), (1.0, 1 / 4)])
def test_the_area_is_as_close_as_asked_for(name, within, rule):
    curve, asked, off = fit(CURVES[name], within, rule=rule)
    assert abs(off) <= within
    assert len(asked.points) == len(set(asked.points)) == len(curve.shares)
    assert sorted(asked.points)[0] == 0
    assert sorted(asked.points)[-1] == ROWS
    np.testing.assert_array_equal(curve.scores, asked.values[sorted(asked.points)])
    np.testing.assert_array_equal(curve.shares, SHARES[sorted(asked.points)])


def test_points_go_where_the_curve_bends():
    values = np.exp(-100 * SHARES)
    curve, _, off = fit(values, 0.001)
    assert np.mean(curve.shares < 0.1) > 0.25
    # A control: as many points that are spread evenly.
    even = np.linspace(0, ROWS, len(curve.shares)).round().astype(int)
    whole = Curve(SHARES, values).area
    assert abs(off) < abs(Curve(SHARES[even], values[even]).area - whole)
    assert len(fit(CURVES["straight"])[0].shares) == 33


def test_rough_curves_stay_within_on_the_whole():
    few, points = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = 1 / (1 + np.exp(np.cumsum(rng.normal(0.0, 0.3, ROWS + 1)) - 2))
        curve, _, off = fit(values, 0.0015)
        few.append(off)
        points.append(len(curve.shares))
    assert np.percentile(np.abs(few), 95) <= 0.005
    assert np.mean(points) < 0.6 * ROWS


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 16, 28, 32])
def test_short_curves_are_whole(rows):
    shares = np.linspace(0, 1, rows + 1)
    values = np.random.default_rng(rows).random(rows + 1)
    curve, _, off = fit(values, shares=shares)
    np.testing.assert_array_equal(curve.shares, shares)
    assert off == pytest.approx(0, abs=1e-15)


def test_nothing_allowed_is_the_whole_curve():
    values = np.random.default_rng(0).random(ROWS + 1)
    curve, _, off = fit(values, 0.0)
    np.testing.assert_array_equal(curve.scores, values)
    assert off == 0


def test_scores_without_a_scale_are_taken_relative_to_their_range():
    values = CURVES["Sigmoid"]
    curve, _, off = fit(values, 0.005)
    large, _, off_large = fit(values * 1000 - 300, 0.005, relative=True)
    np.testing.assert_array_equal(curve.shares, large.shares)
    assert off_large == pytest.approx(1000 * off, rel=1e-9)
    constant, _, _ = fit(np.full(ROWS + 1, -7.0), relative=True)
    assert len(constant.shares) == 33


def test_the_points_of_an_exchange_are_those_of_its_whole_curve():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 40, 30))
    x = rng.normal(size=(1, 3, 40, 30))

    def score(batch):
        return 1 / (1 + np.exp(-np.tensordot(batch, weights, 3) / 20))

    exchange = Exchange(score, x, np.zeros_like(x), (x[0] * weights).sum(axis=0), 1)
    whole = exchange.curve()
    few = fitted_curve(exchange.shares, exchange.scores, Fit(0.001))
    places = np.searchsorted(whole.shares, few.shares)
    np.testing.assert_array_equal(whole.shares[places], few.shares)
    np.testing.assert_allclose(whole.scores[places], few.scores, atol=1e-12)
    assert len(few.shares) < len(whole.shares)
