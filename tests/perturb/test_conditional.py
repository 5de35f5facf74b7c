"""Contents drawn for a window, against the formulas of the conditional normal distribution."""

from dataclasses import replace

import numpy as np
import pytest

from onnxplain.perturb.background import fit_background
from onnxplain.perturb.conditional import WindowSampler

SIZE = (6, 7)


def pictures(count):
    """Smooth ones, so that neighbours tell of each other."""
    noise = np.random.default_rng(3).normal(size=(count, 2, 8, 9))
    return [sum(n[:, i : i + 6, j : j + 7] for i in range(3) for j in range(3)) for n in noise]


def fitted(count, sampler, **more):
    return fit_background(pictures(count), sampler, (2, 2), 1, preprocess="p", seed=0, **more)


def test_marginal_contents_stand_at_the_same_place_of_a_picture():
    known = fitted(5, "marginal")
    drawn = WindowSampler(known).draw(np.random.default_rng(0), known.pictures[0], (3, 4))
    pieces = known.pictures[:, :, 3:5, 4:6]
    assert any(np.array_equal(drawn, piece) for piece in pieces)


def test_contents_of_a_single_picture_come_from_any_of_its_places():
    known = fitted(1, "marginal")
    random, sampler = np.random.default_rng(0), WindowSampler(known)
    whole = known.pictures[0]
    places = {
        tuple(whole[:, i : i + 2, j : j + 2].ravel()): (i, j) for i in range(5) for j in range(6)
    }
    drawn = {places[tuple(sampler.draw(random, whole, (0, 0)).ravel())] for _ in range(40)}
    assert len(drawn) > 5


@pytest.mark.parametrize("place", [(2, 3), (0, 0), (4, 5)])
def test_gaussian_contents_have_the_conditional_mean_and_variance(place):
    known = fitted(30, "conditional")
    wide = replace(known, low=known.low - 1e6, high=known.high + 1e6)
    picture = pictures(31)[-1]
    random, sampler = np.random.default_rng(0), WindowSampler(wide)
    drawn = np.stack([sampler.draw(random, picture, place) for _ in range(3000)])

    top, left = (min(max(p - 1, 0), n - 4) for p, n in zip(place, SIZE, strict=True))
    covered = np.zeros((len(known.mean[0]) // 16, 4, 4), bool)
    covered[:, place[0] - top :, place[1] - left :][:, :2, :2] = True
    covered = covered.ravel()
    flat = picture[:, top : top + 4, left : left + 4].reshape(len(known.mean), -1)
    means, spreads = [], []
    for values, mean, covariance in zip(flat, known.mean, known.covariance, strict=True):
        ridge = 1e-6 * np.trace(covariance) / len(mean)
        precision = np.linalg.inv(covariance + ridge * np.eye(len(mean)))
        inside = np.linalg.inv(precision[np.ix_(covered, covered)])
        pull = precision[np.ix_(covered, ~covered)] @ (values - mean)[~covered]
        means.append(mean[covered] - inside @ pull)
        spreads.append(np.sqrt(np.diag(inside)))
    mean, spread = (np.stack(v).reshape(drawn.shape[1:]) for v in (means, spreads))
    assert (np.abs(drawn.mean(0) - mean) < 5 * spread / np.sqrt(len(drawn))).all()
    np.testing.assert_allclose(drawn.std(0), spread, rtol=5 / np.sqrt(2 * len(drawn)))


def test_gaussian_contents_stay_within_the_values_of_the_pictures():
    known = fitted(30, "conditional")
    narrow = replace(known, low=known.mean.min(1) - 0.01, high=known.mean.max(1) + 0.01)
    drawn = WindowSampler(narrow).draw(np.random.default_rng(0), pictures(31)[-1], (2, 3))
    for values, low, high in zip(drawn, narrow.low, narrow.high, strict=True):
        assert values.min() == low or values.max() == high
        assert ((values >= low) & (values <= high)).all()
